"""Names and types in ML Metadata: TFX's for whatever TFX's tools read, prefixed ones for what is ours."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline_lib.errors import ArtifactTypeConflictError
from pipeline_lib.metadata.connection import ConflictError, Connection, NotStoredError

if TYPE_CHECKING:
    from pipeline_lib.plan.models import ArtifactType

INTERNAL = "__pl_"
FACT = f"{INTERNAL}fact_"

PIPELINE, PIPELINE_RUN, NODE, EXECUTION_CACHE = "pipeline", "pipeline_run", "node", "execution_cache"
CONTEXT_TYPES = (PIPELINE, PIPELINE_RUN, NODE, EXECUTION_CACHE)

# A context whose name is the digest of the text that it holds.
KEPT_TEXT = f"{INTERNAL}text"

# Our own mark in a store: says that our types are all there, and in which version of this module's scheme.
STORE_TYPE, STORE_NAME, STORE_VERSION = "pipeline_lib.store", "schema", 1

# TFX takes artifacts without `tfx_version` for ones in the layout of before 0.29 (no `Split-` directories).
TFX_STAMPS: Mapping[str, Mapping[str, str]] = {"Examples": {"payload_format": "FORMAT_PARQUET"}}
TFX_VERSION = {"tfx_version": "1.16.0"}

_STORED_KINDS: Mapping[str, str] = {
    "int": "INT",
    "float": "DOUBLE",
    "str": "STRING",
    "bool": "INT",
    "date": "STRING",
    "json": "STRING",
}


class TypeRegistry:
    """Ids of types by name, read or made once per process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids: dict[tuple[str, str], int] = {}
        self._kinds: dict[str, dict[str, str]] = {}
        self._declared: dict[str, frozenset[str]] = {}

    def kinds(self, type_name: str) -> Mapping[str, str]:
        """Kinds of a type's properties, as far as registered in this process."""
        return self._kinds.get(type_name, {})

    def declared(self, type_name: str) -> frozenset[str]:
        """Names of the properties that the type declares, as far as registered in this process."""
        return self._declared.get(type_name, frozenset())

    def register(self, types: Mapping[str, "ArtifactType"]) -> None:
        """See `Store.register_types`."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        stored = {found.name: found for found in self._connection.call("get_artifact_types")}
        for name, wanted in types.items():
            message = pb.ArtifactType(name=name)
            for property_name, spec in wanted.properties.items():
                if spec.declared:
                    kind = pb.PropertyType.Value(_STORED_KINDS[spec.kind])
                    message.properties[property_name] = kind
            if wanted.base_type:
                base = pb.ArtifactType.SystemDefinedBaseType
                message.base_type = base.Value(wanted.base_type.upper())
            there = stored.get(name)
            if there is not None:
                self._ids["artifact", name] = there.id
                _require_same_kinds(message, there)
            if there is None or set(message.properties) - set(there.properties):
                self._ids["artifact", name] = self._put("artifact", message)
            self._declared[name] = frozenset(message.properties)
            self._kinds[name] = {p: spec.kind for p, spec in wanted.properties.items()}

    def artifact_type_id(self, name: str) -> int:
        """The type's id; one that nobody registered is made without properties."""
        return self._id("artifact", name)

    def execution_type_id(self, name: str) -> int:
        """The type's id; made if it is not there."""
        return self._id("execution", name)

    def context_type_id(self, name: str) -> int:
        """The type's id; made if it is not there."""
        return self._id("context", name)

    def known_context_type_id(self, name: str) -> int | None:
        """The type's id; None if it is not there: reading makes no types."""
        return self._known("context", name)

    def _id(self, what: str, name: str) -> int:
        found = self._known(what, name)
        if found is None:
            found = self._ids[what, name] = self._put(what, _empty_type(what, name))
        return found

    def _known(self, what: str, name: str) -> int | None:
        if (what, name) not in self._ids:
            try:
                self._ids[what, name] = int(self._connection.call(f"get_{what}_type", name).id)
            except NotStoredError:
                return None
        return self._ids[what, name]

    def _put(self, what: str, message: Any) -> int:
        with self._connection.creating():
            try:
                return int(
                    self._connection.call(
                        f"put_{what}_type", message, can_add_fields=True, can_omit_fields=True
                    )
                )
            except ConflictError as error:
                raise ArtifactTypeConflictError(
                    f"{message.name} is stored with other properties",
                    got=error,
                    fix="give the new type another name",
                ) from error


def _empty_type(what: str, name: str) -> Any:
    from ml_metadata.proto import metadata_store_pb2 as pb

    makers = {"artifact": pb.ArtifactType, "execution": pb.ExecutionType, "context": pb.ContextType}
    return makers[what](name=name)


def _require_same_kinds(wanted: Any, there: Any) -> None:
    from ml_metadata.proto import metadata_store_pb2 as pb

    for name, kind in wanted.properties.items():
        old = there.properties.get(name, kind)
        if old != kind:
            raise ArtifactTypeConflictError(
                f"{wanted.name}.{name} is already stored with another kind",
                needs=pb.PropertyType.Name(old),
                got=pb.PropertyType.Name(kind),
                fix="give the property, or the type, another name",
            )
