"""The component `import_schema`; apart from `infer_schema`, so that it need not wait for TFDV's imports."""

import hashlib
from typing import Any

from pipeline_components.errors import SchemaFileError
from pipeline_lib import Cache, Schema, component


def digest_schema_file(parameters: dict[str, Any]) -> dict[str, Any]:
    """Driver of `import_schema`: the file enters the cache key by its content.

    Raises:
        SchemaFileError: There is no such file.
    """
    import fsspec

    source = parameters["source"]
    try:
        with fsspec.open(source, "rb") as file:
            return {"sha256": hashlib.sha256(file.read()).hexdigest()}
    except (OSError, ImportError, ValueError) as error:
        raise SchemaFileError(
            "the schema file cannot be read", got=error, at=source, fix="check the path"
        ) from error


@component(output="schema", driver=digest_schema_file, cache=Cache(ignore=("source",)))
def import_schema(*, source: str, sha256: str = "") -> Schema:
    """Take a curated schema from a file.

    Args:
        source: Path or URL of a tensorflow.metadata.v0.Schema, as text (.pbtxt) or binary (.pb).
        sha256: Of its bytes; the driver fills it in.

    Raises:
        SchemaFileError: The file is not there, or holds no schema, or one that contradicts itself.
        SourceChangedError: It was edited since the driver read it.
    """
    from pipeline_components import schema_files

    return schema_files.import_file(source, sha256=sha256)
