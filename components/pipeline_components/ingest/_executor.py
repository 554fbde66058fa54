"""Bodies of the file-based ingests."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from pipeline_components.errors import SourceChangedError
from pipeline_components.ingest import _parquet_reader
from pipeline_components.ingest._csv_file import CsvFormat
from pipeline_components.ingest._csv_reader import read_batches, settle
from pipeline_components.ingest._split_writer import write_examples
from pipeline_components.ingest._spool import Spool
from pipeline_components.ingest._types import schema_types
from pipeline_components.ingest.sources import Found, Located, changed_since, find_files
from pipeline_components.ingest.splits import HashSplit
from pipeline_lib import Examples, Schema


def find(found: Found | None, located: Located | None, parameters: dict[str, Any]) -> tuple[Found, Located]:
    """What the driver found; outside a launcher (`component.run`) nobody has called it yet."""
    if found is not None and located is not None:
        return found, located
    answer = find_files(parameters)
    return TypeAdapter(Found).validate_python(answer["found"]), answer["located"]


def csv_to_examples(
    found: Found,
    located: Located,
    *,
    schema: Schema | None,
    split: HashSplit | None,
    form: CsvFormat,
    source: str,
) -> Examples:
    """Ingest CSV files; errors as `settle`, `read_batches` and `write_examples` raise them."""
    declared = schema_types(schema) if schema is not None else {}
    files = [pair for name, uris in located.items() for pair in zip(uris, found.files[name], strict=True)]
    settled = settle(files, form, declared)
    return _write(
        found,
        located,
        read=lambda uri: read_batches(uri, settled, form),
        schema=settled.schema,
        split=split,
        source=source,
    )


def parquet_to_examples(
    found: Found,
    located: Located,
    *,
    schema: Schema | None,
    split: HashSplit | None,
    columns: Sequence[str],
    source: str,
) -> Examples:
    """Ingest Parquet files; errors as `_parquet_reader` and `write_examples` raise them."""
    declared = schema_types(schema) if schema is not None else {}
    uris = [uri for of_split in located.values() for uri in of_split]
    settled = _parquet_reader.settle(uris, columns, declared)
    return _write(
        found,
        located,
        read=lambda uri: _parquet_reader.read_batches(uri, settled),
        schema=settled,
        split=split,
        source=source,
    )


def spooled_to_examples(
    found: Found,
    located: Located,
    *,
    read: Callable[[str], Iterator[pa.RecordBatch]],
    split: HashSplit | None,
    source: str,
) -> Examples:
    """Ingest files whose types are known only at their end, each read once."""
    with Spool() as spool:
        parts = {uri: spool.fill(read(uri), at=uri) for uris in located.values() for uri in uris}
        return _write(
            found,
            located,
            read=lambda uri: spool.batches(parts[uri]),
            schema=spool.schema,
            split=split,
            source=source,
        )


def _write(
    found: Found,
    located: Located,
    *,
    read: Callable[[str], Iterator[pa.RecordBatch]],
    schema: pa.Schema,
    split: HashSplit | None,
    source: str,
) -> Examples:
    batches: dict[str, Any] = {
        name: itertools.chain.from_iterable(map(read, uris)) for name, uris in located.items()
    }
    examples = write_examples(
        batches,
        schema,
        split=split or HashSplit(),
        span=found.span_number,
        version=found.version,
        source=source,
    )
    changed = changed_since(found, located)
    if changed is not None:
        raise SourceChangedError(
            "the file changed while it was read", at=changed, fix="run again once its delivery has ended"
        )
    return examples
