from collections.abc import Iterator
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline_lib.artifacts import standard
from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.errors import ArtifactTypeConflictError
from pipeline_lib.metadata.connection import Connection
from pipeline_lib.metadata.database import parse_database
from pipeline_lib.metadata.mlmd_types import TypeRegistry
from pipeline_lib.plan.models import ArtifactType, CodeRef, PropertyType

# `reference/tfx.md` 4.1: what TFX's own types declare.
TFX = {
    "Examples": ("DATASET", {"span": pb.INT, "version": pb.INT, "split_names": pb.STRING}),
    "ExampleStatistics": ("STATISTICS", {"span": pb.INT, "split_names": pb.STRING}),
    "Schema": (None, {}),
    "ExampleAnomalies": (None, {"span": pb.INT, "split_names": pb.STRING}),
    "TransformGraph": (None, {}),
    "TransformCache": (None, {}),
    "Model": ("MODEL", {}),
    "ModelRun": (None, {}),
    "HyperParameters": (None, {}),
    "TunerResults": (None, {}),
    "ModelEvaluation": (None, {}),
    "ModelBlessing": (None, {}),
    "InfraBlessing": (None, {}),
    "PushedModel": ("MODEL", {}),
    "InferenceResult": (None, {}),
}


def described(cls: type[Artifact]) -> ArtifactType:
    declared = cls.declared
    return ArtifactType.model_validate(
        {
            "code": CodeRef(module=cls.__module__, qualname=cls.__qualname__),
            "base_type": cls.base_type,
            "properties": {
                name: PropertyType(kind=spec.kind.value, declared=declared is None or name in declared)
                for name, spec in cls.property_specs().items()
            },
        }
    )


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    opened = Connection(parse_database(f"sqlite:///{tmp_path}/m.sqlite"))
    yield opened
    opened.close()


def test_the_standard_types_are_exactly_tfx_types(connection: Connection) -> None:
    TypeRegistry(connection).register({name: described(getattr(standard, name)) for name in TFX})
    found = {
        stored.name: (
            pb.ArtifactType.SystemDefinedBaseType.Name(stored.base_type) if stored.base_type else None,
            dict(stored.properties),
        )
        for stored in connection.call("get_artifact_types")
    }
    assert {name: found[name] for name in TFX} == TFX


def test_every_kind_has_a_stored_form(connection: Connection) -> None:
    kinds = ("int", "float", "str", "bool", "date", "json")
    wanted = ArtifactType.model_validate(
        {"code": CodeRef(module="m", qualname="A"), "properties": {kind: {"kind": kind} for kind in kinds}}
    )
    registry = TypeRegistry(connection)
    registry.register({"A": wanted})
    stored = connection.call("get_artifact_type", "A")
    assert dict(stored.properties) == {
        "int": pb.INT,
        "float": pb.DOUBLE,
        "str": pb.STRING,
        "bool": pb.INT,
        "date": pb.STRING,
        "json": pb.STRING,
    }
    assert registry.declared("A") == set(kinds)
    assert registry.kinds("A")["json"] == "json"


def test_ids_are_read_once(connection: Connection) -> None:
    registry = TypeRegistry(connection)
    first = registry.execution_type_id("m.f")
    before = connection.calls
    assert registry.execution_type_id("m.f") == first
    assert connection.calls == before
    assert TypeRegistry(connection).execution_type_id("m.f") == first


def test_registering_what_is_there_writes_nothing(connection: Connection) -> None:
    types = {"Examples": described(standard.Examples)}
    TypeRegistry(connection).register(types)
    before = connection.calls
    TypeRegistry(connection).register(types)
    assert connection.calls == before + 1


def test_a_property_that_tfx_declares_otherwise_is_named(connection: Connection) -> None:
    connection.call("put_artifact_type", pb.ArtifactType(name="Examples", properties={"span": pb.STRING}))
    with pytest.raises(
        ArtifactTypeConflictError, match=r"Examples\.span is already stored with another kind"
    ):
        TypeRegistry(connection).register({"Examples": described(standard.Examples)})


def test_one_conflict_registers_nothing_of_that_type(connection: Connection) -> None:
    connection.call("put_artifact_type", pb.ArtifactType(name="Examples", properties={"span": pb.STRING}))
    with pytest.raises(ArtifactTypeConflictError):
        TypeRegistry(connection).register({"Examples": described(standard.Examples)})
    assert dict(connection.call("get_artifact_type", "Examples").properties) == {"span": pb.STRING}
