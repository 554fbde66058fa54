"""Text that no reader could use is refused where it stands."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_components.errors import SourceFormatError
from pipeline_components.ingest._csv_file import BLOCK, CsvFormat, _Rows, open_text
from pipeline_components.ingest._csv_reader import settle
from pipeline_components.ingest.sources import SourceFile

HEADER = b"id,text\n"
ROW = b"1,a\n"


def read(path: Path, size: int) -> bytes:
    with open_text(path.as_uri(), CsvFormat()) as file:
        return b"".join(iter(lambda: file.read(size), b"")) if size > 0 else file.read()


@pytest.mark.parametrize("size", [-1, 1 << 16, BLOCK])
@pytest.mark.parametrize(
    ("long", "why"),
    [
        (b"1," + b"x" * (BLOCK + 9) + b"\n", "a cell is too large"),
        (b'1,"' + ROW * (BLOCK // 2), "a quote in it is never closed"),
    ],
)
def test_a_row_longer_than_a_block_is_named(tmp_path: Path, size: int, long: bytes, why: str) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes(HEADER + ROW * 5 + long + ROW)
    with pytest.raises(SourceFormatError, match=r"in\.csv:7") as caught:
        read(file, size)
    assert why in str(caught.value)


def test_a_long_row_in_a_streamed_file_ends_and_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyarrow 10's streaming reader would wait for ever."""
    monkeypatch.setattr("pipeline_components.ingest._csv_reader._IN_MEMORY", 0)
    file = tmp_path / "in.csv"
    file.write_bytes(HEADER + ROW * 5 + b"1," + b"x" * (2 * BLOCK) + b"\n" + ROW * BLOCK)
    with pytest.raises(SourceFormatError, match=r"in\.csv:7"):
        settle(
            [(file.as_uri(), SourceFile(name="in.csv", size=file.stat().st_size, sha256=""))], CsvFormat(), {}
        )


@pytest.mark.parametrize("delimiter", [";;", "", "\n", '"'])
def test_a_delimiter_that_parts_nothing_is_refused(tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes(HEADER + ROW)
    source = SourceFile(name="in.csv", size=file.stat().st_size, sha256="")
    with pytest.raises(SourceFormatError, match="cannot part the cells") as caught:
        settle([(file.as_uri(), source)], CsvFormat(delimiter=delimiter), {})
    assert caught.value.at == file.as_uri()


@pytest.mark.parametrize("size", [-1, 1 << 16])
def test_many_quoted_line_breaks_are_no_long_row(tmp_path: Path, size: int) -> None:
    file = tmp_path / "in.csv"
    content = HEADER + b'1,"a\nb""\n"\n' * (BLOCK // 8)
    file.write_bytes(content)
    assert read(file, size) == content


@given(
    st.lists(st.sampled_from([b"a", b"\n", b'"', b","]), max_size=60).map(b"".join),
    st.lists(st.integers(0, 60), max_size=6).map(sorted),
)
def test_blocks_do_not_matter_for_where_rows_begin(text: bytes, cuts: list[int]) -> None:
    whole, parts = _Rows(), _Rows()
    whole.longer_than_a_block(text, 0, len(text))
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        parts.longer_than_a_block(text, start, end)
    assert vars(whole) == vars(parts) | {"_passed": whole._passed}
    assert parts._passed == whole._passed


@given(st.lists(st.sampled_from([b"a", b"\n", b'"']), max_size=80).map(b"".join), st.booleans())
def test_line_breaks_outside_of_quotes_are_those_of_reading_byte_by_byte(text: bytes, inside: bool) -> None:
    rows = _Rows()
    rows.inside_quotes = inside
    outside = [
        at for at, byte in enumerate(text) if byte == ord("\n") and (text[:at].count(b'"') % 2 == 1) == inside
    ]
    # What stands before and after the block does not count.
    found = rows._ends(b'"\n' + text + b'\n"', 2, 2 + len(text))
    assert found == ((outside[0] + 2, outside[-1] + 2) if outside else (None, None))
    assert rows.inside_quotes == (inside ^ (text.count(b'"') % 2 == 1))
