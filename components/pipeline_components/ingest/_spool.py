"""Batches whose types are only known once all were seen: kept on disk meanwhile, so memory stays bounded."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow_hotfix  # noqa: F401  (closes CVE-2023-47248 of the pinned pyarrow)

from pipeline_components.ingest._types import Widest, as_schema, conform


class Spool:
    """Takes batches of differing types, gives them back in the widest."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="spool-")
        self._files: list[Path] = []
        self._found = Widest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def fill(self, batches: Iterable[pa.RecordBatch], *, at: str) -> slice:
        """Keep batches from a file or query; what it returns asks for them again.

        Raises:
            SourceTypeError: Nothing holds a column's types in two batches.
        """
        first = len(self._files)
        for batch in batches:
            self._found.add({field.name: field.type for field in batch.schema}, at=at)
            file = Path(self._folder.name) / f"{len(self._files):06d}.arrow"
            with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
                writer.write_batch(batch)
            self._files.append(file)
        return slice(first, len(self._files))

    @property
    def schema(self) -> pa.Schema:
        """Columns of all batches so far, in their widest types."""
        return as_schema(self._found.types)

    def batches(self, part: slice) -> Iterator[pa.RecordBatch]:
        """Batches again, in the settled types; a column that a batch lacks is missing there."""
        schema = self.schema
        for file in self._files[part]:
            with pa.memory_map(str(file), "rb") as source:
                reader = pa.ipc.open_file(source)
                for index in range(reader.num_record_batches):
                    yield conform(reader.get_batch(index), schema)
