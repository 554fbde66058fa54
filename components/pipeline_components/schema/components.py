"""The components `infer_schema` and `import_schema`."""

import hashlib
from collections.abc import Sequence
from typing import Any

from pipeline_components.errors import SchemaFileError
from pipeline_lib import Cache, ExampleStatistics, Schema, component


@component(output="schema")
def infer_schema(
    statistics: ExampleStatistics,
    *,
    infer_feature_shape: bool = True,
    max_string_domain_size: int = 100,
    exclude_splits: Sequence[str] = (),
) -> Schema:
    """Infer a schema with TFDV: a starting point, to be curated and then imported.

    Args:
        statistics: Of the data to learn from; every split not excluded counts.
        infer_feature_shape: Give features that never lack a value a fixed shape, so that they are dense.
        max_string_domain_size: Text with at most that many different values gets a list of allowed ones.
        exclude_splits: Splits to leave out.

    Returns:
        `schema.pbtxt`, tensorflow.metadata.v0.Schema as text.

    Raises:
        SplitNotFoundError: `exclude_splits` names no split, or leaves none.
        StatisticsError: The statistics cannot be read.
    """
    from pipeline_components.schema import _executor

    return _executor.infer(
        statistics,
        infer_feature_shape=infer_feature_shape,
        max_string_domain_size=max_string_domain_size,
        exclude_splits=exclude_splits,
    )


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
    """
    from pipeline_components import schema_files

    del sha256
    return schema_files.import_file(source)
