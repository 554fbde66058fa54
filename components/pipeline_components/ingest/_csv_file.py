"""How CSV files are written, and their text as bytes: what no reader could use is refused where it stands."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.csv as pa_csv

from pipeline_components.errors import SourceFormatError

BLOCK = 1 << 20
"""Bytes that pyarrow parses at once, and so the longest row it can read."""
_TEXT_SUFFIXES = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFormat:
    """How the files are written.

    Attributes:
        delimiter: One character.
        encoding: As Python names it.
        nulls: Cells that mean "missing", besides the empty one.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    nulls: tuple[str, ...] = ()

    def require_usable(self, at: str) -> None:
        """Check that the cells can be told apart.

        Args:
            at: The file, for the message.

        Raises:
            SourceFormatError: The delimiter is not one character, or is one that ends rows or quotes cells.
        """
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise SourceFormatError(
                f"delimiter={self.delimiter!r} cannot part the cells of a row",
                at=at,
                fix="pass one character: ',', ';', '|' or a tab, '\\t'",
            )

    def read_options(self) -> pa_csv.ReadOptions:
        """Options of pyarrow for block-wise reading."""
        return pa_csv.ReadOptions(block_size=BLOCK, encoding=self.encoding)

    def parse_options(self, *, quoted: bool = True) -> pa_csv.ParseOptions:
        """Options of pyarrow; `quoted` cells may hold line breaks, which costs a third more."""
        return pa_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=quoted)

    @property
    def is_wide(self) -> bool:
        """Whether every character takes two bytes or more, some of them zero."""
        return any(width in self.encoding for width in ("16", "32"))

    def convert_options(self, types: Mapping[str, pa.DataType]) -> pa_csv.ConvertOptions:
        """Options of pyarrow for these column types; others are inferred."""
        return pa_csv.ConvertOptions(
            column_types=dict(types), null_values=["", *self.nulls], strings_can_be_null=True
        )


def compression(uri: str) -> str | None:
    """Pyarrow's name of the file's compression, by its suffix."""
    return next((name for suffix, name in _TEXT_SUFFIXES.items() if uri.endswith(suffix)), None)


@contextmanager
def open_text(uri: str, form: CsvFormat) -> Iterator[Any]:
    """The file's text as bytes, uncompressed; reading it raises where a NUL or an endless row stands."""
    with fsspec.open(uri, "rb") as raw:
        kind = compression(uri)
        file = pa.CompressedInputStream(pa.PythonFile(raw, "r"), kind) if kind else raw
        yield _Checked(file, uri, wide=form.is_wide)


def line_of_byte(uri: str, offset: int) -> int:
    """The number of the line that holds a byte of the uncompressed file."""
    lines = 1
    with fsspec.open(uri, "rb", compression="infer") as file:
        while offset > 0 and (block := file.read(min(offset, 1 << 20))):
            lines += block.count(b"\n")
            offset -= len(block)
    return lines


class _Checked(io.RawIOBase):
    """Passes bytes on, and refuses two things that pyarrow does not.

    It would keep a NUL in a value, and C libraries downstream end the text there. And a row that no block
    can hold makes pyarrow 10's streaming reader wait for ever where the file is a Python object.
    """

    def __init__(self, file: Any, uri: str, *, wide: bool) -> None:
        super().__init__()
        self._file, self._uri, self._wide, self._passed = file, uri, wide, 0
        self._rows = _Rows()

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes.

        Raises:
            SourceFormatError: There is a NUL among them, or a row longer than a block.
        """
        whole = size is None or size < 0
        try:
            block: bytes = self._file.read(None if whole else size)
        except (OSError, EOFError) as error:
            raise SourceFormatError(
                f"the file cannot be uncompressed: {error}", at=self._uri, fix="deliver it again"
            ) from error
        if not self._wide:
            at = block.find(b"\0")
            if at >= 0:
                raise SourceFormatError(
                    "the file holds a NUL byte",
                    at=f"{self._uri}:{line_of_byte(self._uri, self._passed + at)}",
                    fix="remove it (`tr -d '\\0'`), or name the file's encoding",
                )
        for start in range(0, len(block), BLOCK):
            self._check_rows(block, start)
        self._passed += len(block)
        return block

    def _check_rows(self, block: bytes, start: int) -> None:
        too_long = self._rows.longer_than_a_block(block, start, min(start + BLOCK, len(block)))
        if too_long is None:
            return
        quoted = "a quote in it is never closed, or " if self._rows.inside_quotes else ""
        raise SourceFormatError(
            f"the row that begins here is longer than {BLOCK >> 20} MiB: {quoted}a cell is too large",
            at=f"{self._uri}:{line_of_byte(self._uri, too_long)}",
            fix="close the quote, or keep large values in files of their own and their names in the CSV",
        )


class _Rows:
    """Where rows begin, over blocks of a file: at a line break outside of quotes."""

    def __init__(self) -> None:
        self.inside_quotes = False
        self._begun = 0
        self._passed = 0

    def longer_than_a_block(self, text: bytes, start: int, end: int) -> int | None:
        """Offset in the file of a row that is longer than `BLOCK`, if the file shows one by now.

        Args:
            text: Holds the next block.
            start: Where in it the block begins.
            end: Where it ends; a slice of its own would be a copy of the whole file.
        """
        first, last = self._ends(text, start, end)
        so_far = self._passed + (end if first is None else first) - start
        begun = self._begun
        if last is not None:
            self._begun = self._passed + last + 1 - start
        self._passed += end - start
        return begun if so_far - begun > BLOCK else None

    def _ends(self, text: bytes, start: int, end: int) -> tuple[int | None, int | None]:
        """Where in the text the block's first and last line breaks outside of quotes stand."""
        begins_inside = self.inside_quotes
        if text.find(b'"', start, end) >= 0:  # many times faster than counting none
            self.inside_quotes ^= text.count(b'"', start, end) % 2 == 1
        first = _first_outside(text, start, end, begins_inside)
        return (None, None) if first is None else (first, _last_outside(text, start, end, self.inside_quotes))


def _first_outside(text: bytes, at: int, end: int, inside: bool) -> int | None:
    """The first line break outside of quotes; a line at a step, not a quote: there are many."""
    while True:
        if inside:
            at = text.find(b'"', at, end) + 1
            if at == 0:
                return None
        line = text.find(b"\n", at, end)
        if line < 0:
            return None
        inside = text.count(b'"', at, line) % 2 == 1
        if not inside:
            return line
        at = line


def _last_outside(text: bytes, start: int, at: int, inside: bool) -> int | None:
    """The same from the end, where one is inside of quotes or not."""
    while True:
        if inside:
            at = text.rfind(b'"', start, at)
            if at < 0:
                return None
        line = text.rfind(b"\n", start, at)
        if line < 0:
            return None
        inside = text.count(b'"', line, at) % 2 == 1
        if not inside:
            return line
        at = line
