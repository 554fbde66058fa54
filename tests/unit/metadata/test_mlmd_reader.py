from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.metadata.connection import Connection
from pipeline_lib.metadata.database import parse_database
from pipeline_lib.metadata.mlmd_reader import MlmdReader
from pipeline_lib.metadata.records import ArtifactQuery


@pytest.fixture
def reader(tmp_path: Path) -> MlmdReader:
    return MlmdReader(Connection(parse_database(f"sqlite:///{tmp_path}/m.sqlite")))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (ArtifactQuery(), "state = LIVE"),
        (ArtifactQuery(type_name="Model"), "state = LIVE AND type = 'Model'"),
        (
            ArtifactQuery(span=(1, 3)),
            "state = LIVE AND custom_properties.span.int_value >= 1"
            " AND custom_properties.span.int_value <= 3",
        ),
        (
            ArtifactQuery(run_span_before="2013-01-02", equal={"ok": True}),
            "state = LIVE AND custom_properties.__pl_run_span.string_value < '2013-01-02'"
            " AND custom_properties.ok.int_value = 1",
        ),
    ],
)
def test_a_query_becomes_one_filter(reader: MlmdReader, query: ArtifactQuery, expected: str) -> None:
    assert " AND ".join(reader._conditions(query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        ArtifactQuery(type_name="x' OR '1'='1"),
        ArtifactQuery(run_span_before="' OR '1'='1"),
        ArtifactQuery(equal={"x = 1 OR y": 1}),
    ],
)
def test_a_query_cannot_break_out_of_its_filter(reader: MlmdReader, query: ArtifactQuery) -> None:
    with pytest.raises(ValueError, match="cannot"):
        reader.artifacts(query)


@pytest.mark.parametrize("value", ["it's", 'a "b"', "x' OR '1'='1", "\\"])
def test_awkward_values_are_compared_by_digest(reader: MlmdReader, value: Any) -> None:
    query = ArtifactQuery(pipeline=value, equal={"name": value})
    assert not any(value in condition for condition in reader._conditions(query))
    assert reader.artifacts(query) == []
