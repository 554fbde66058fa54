"""TFX's types under TFX's names, with TFX's properties."""

from pathlib import Path

import pytest

from pipeline_lib import Artifact
from pipeline_lib.artifacts import standard


def types() -> dict[str, type[Artifact]]:
    return {
        name: value
        for name, value in vars(standard).items()
        if isinstance(value, type) and issubclass(value, Artifact) and not name.startswith("_")
        if value is not Artifact
    }


def declared(kind: type[Artifact]) -> set[str]:
    return set(kind.property_specs()) if kind.declared is None else set(kind.declared)


TFX = {
    "Examples": {"span", "version", "split_names"},
    "ExampleStatistics": {"span", "split_names"},
    "ExampleAnomalies": {"span", "split_names"},
    "Schema": set(),
    "TransformGraph": set(),
    "TransformCache": set(),
    "Model": set(),
    "ModelRun": set(),
    "HyperParameters": set(),
    "TunerResults": set(),
    "ModelEvaluation": set(),
    "ModelBlessing": set(),
    "InfraBlessing": set(),
    "PushedModel": set(),
    "InferenceResult": set(),
}


def test_the_types_are_tfx_s() -> None:
    assert {kind.type_name: declared(kind) for kind in types().values()} == TFX


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("Examples", "Dataset"),
        ("ExampleStatistics", "Statistics"),
        ("Model", "Model"),
        ("PushedModel", "Model"),
    ],
)
def test_system_types(name: str, base: str) -> None:
    assert types()[name].base_type == base


@pytest.mark.parametrize("kind", types().values(), ids=types())
def test_each_declared_property_has_an_annotation(kind: type[Artifact]) -> None:
    assert declared(kind) <= set(kind.property_specs())


def test_splits_have_places(tmp_path: Path) -> None:
    examples = standard.Examples.at(tmp_path, split_names=["train"])
    assert examples.split_path("train") == tmp_path / "Split-train"
    assert standard.Examples.at("s3://b/x").split_uri("eval") == "s3://b/x/Split-eval"
