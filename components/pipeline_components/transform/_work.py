"""The units of work that Beam moves, and what a worker does with one: read, transform, write."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow_hotfix  # noqa: F401  (closes CVE-2023-47248 of the pinned pyarrow)

from pipeline_components.transform._columns import to_list_columns, to_plain_columns
from pipeline_lib.artifacts.remote_store import open_filesystem
from pipeline_lib.beam.files import open_parquet, workspace_storage

PLACE = "__place__"
"""Column carried through the graph beside the features: which file and row a transformed row belongs to."""

_ROW_BITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """A row group to read, and the file that its transformed rows become.

    Attributes:
        target: Relative to the output's directory.
        place: Number of the portion; index of `target` among those of the writer.
        data_set: Number of the input it belongs to.
        analyse: Whether the analyzers see its rows.
    """

    uri: str
    group: int
    target: str
    place: int
    data_set: int
    analyse: bool


class ReadPortion(beam.DoFn):
    """From a `Portion` to a record batch of list columns with `PLACE`.

    Args:
        wanted: Columns as TFT reads them.
        may_be_absent: Those of them that a file need not have.
    """

    def __init__(self, wanted: pa.Schema, may_be_absent: frozenset[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._wanted, self._may_be_absent = wanted, may_be_absent
        self._storage_options = workspace_storage()

    def process(self, element: Portion) -> Iterator[pa.RecordBatch]:
        """Read one row group."""
        with open_parquet(element.uri, storage_options=self._storage_options) as file:
            present = set(file.schema_arrow.names)
            columns = [field.name for field in self._wanted if field.name in present]
            table = file.read_row_group(element.group, columns=columns)
        batch = to_list_columns(table, self._wanted, may_be_absent=self._may_be_absent, at=element.uri)
        places = np.arange(table.num_rows, dtype=np.int64) + (element.place << _ROW_BITS)
        offsets = pa.array(np.arange(table.num_rows + 1, dtype=np.int64))
        column = pa.LargeListArray.from_arrays(offsets, pa.array(places))
        schema = self._wanted.append(place_field())
        yield pa.RecordBatch.from_arrays([*batch.columns, column], schema=schema)


class WriteTransformed(beam.DoFn):
    """Writes each transformed batch to the file its place says; a repeat writes the same bytes again.

    So the files do not depend on the order, or on the bundles, in which a runner works.

    Args:
        targets: Files by place.
        scalars: For each column, whether each row has exactly one value.
    """

    def __init__(self, targets: Sequence[str], scalars: Mapping[str, bool]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._targets, self._scalars = tuple(targets), dict(scalars)
        self._storage_options = workspace_storage()

    def process(self, element: tuple[pa.RecordBatch, Mapping[str, pa.Array]]) -> None:
        """Write one batch."""
        batch, beside = element
        index = batch.schema.get_field_index(PLACE)
        places = batch.column(index) if index >= 0 else beside[PLACE]
        first = places.values[0].as_py()
        target, row = self._targets[first >> _ROW_BITS], first & ((1 << _ROW_BITS) - 1)
        if row:  # TFT cuts batches whose result is very large
            target = f"{target.removesuffix('.parquet')}-{row:010d}.parquet"
        files, path = open_filesystem(target, self._storage_options)
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        partial = f"{path}.{uuid.uuid4().hex}.partial"  # another worker may be at the same rows
        with files.open(partial, "wb") as file:
            pq.write_table(to_plain_columns(batch, self._scalars), file, compression="zstd")
        files.mv(partial, path)


def place_field() -> pa.Field:
    """`PLACE` as a field of an Arrow schema."""
    return pa.field(PLACE, pa.large_list(pa.int64()))
