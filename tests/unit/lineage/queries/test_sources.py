"""Files and spans."""

import pytest

from pipeline_lib.errors import LineageQueryError
from pipeline_lib.lineage.queries.sources import source_files, span_number, spans_text
from unit.lineage.conftest import Audited


@pytest.mark.parametrize(("text", "number"), [("2013-06-14", 15870), ("7", 7), ("1970-01-01", 0)])
def test_a_span_is_a_number_or_a_day(text: str, number: int) -> None:
    assert span_number(text) == number


def test_other_texts_are_no_span() -> None:
    with pytest.raises(LineageQueryError, match="is no span"):
        span_number("last week")


def test_files_come_with_hash_and_reader(audited: Audited) -> None:
    made = audited.store.producers([artifact.id for artifact in audited.made("Examples")])
    assert [(file.node, file.name) for file in source_files(made)] == [
        ("ingest", "it's 2%.csv"),
        ("ingest", "one.csv"),
    ]


@pytest.mark.parametrize(
    ("spans", "text"),
    [
        ((), ""),
        ((7,), "7"),
        ((7, 8), "7, 8"),
        ((9, 7, 8, 8), "7 to 9"),
        ((15870, 15871, 15872, 15880), "2013-06-14 to 2013-06-16, 2013-06-24"),
    ],
)
def test_stretches_of_spans_are_told_by_their_ends(spans: tuple[int, ...], text: str) -> None:
    assert spans_text(spans) == text
