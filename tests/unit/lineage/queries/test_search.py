"""Search by type, property, time, pipeline, run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline_lib.errors import LineageQueryError
from pipeline_lib.lineage import PageRequest, SearchQuery, search
from pipeline_lib.metadata.records import Condition, RecordQuery, Sign
from unit.lineage.conftest import Audited
from unit.lineage.queries.test_subjects import INJECTIONS


def ids(audited: Audited, text: str) -> list[int]:
    return [hit.id for hit in search(audited.store, SearchQuery.parsed(text)).items]


def test_artifacts_by_type_newest_first(audited: Audited) -> None:
    assert ids(audited, "Model") == [model.id for model in audited.made("Model")][::-1]
    assert ids(audited, "type:Model pipeline:audited node:train") == ids(audited, "Model")
    assert ids(audited, "Model pipeline:other") == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("PushedModel pushed=true", 2),
        ("PushedModel pushed_version=101", 0),
        ("PushedModel pushed_version='101'", 1),
        ("Examples span:2013-06-01", 1),
        ("Examples span>=15857", 2),
        ("Examples span>15857", 1),
        ("Examples span<=15857 version=0", 1),
        ("Model state:live", 3),
        ("Model state:deleted", 0),
        ("state:abandoned", 0),
        ("executions steps=7", 1),
        ("executions node:train", 3),
        ("executions state:cached", 1),
        ("runs", 3),
        ("runs pipeline:audited state:complete", 3),
        ("since:2020-01-01 until:2020-01-02", 0),
    ],
)
def test_filters(audited: Audited, text: str, count: int) -> None:
    assert len(ids(audited, text)) == count


def test_by_run_and_by_a_parameter_with_signs(audited: Audited) -> None:
    (run,) = search(audited.store, SearchQuery.parsed("runs"), page=PageRequest(size=1)).items
    found = search(audited.store, SearchQuery.parsed(f"run:{run.run_id}")).items
    assert {hit.run_id for hit in found} == {run.run_id}
    executions = search(audited.store, SearchQuery.parsed(f"executions run:{run.run_id}")).items
    assert len(executions) == 5
    path = str(audited.folder / "it's 2%.csv")
    conditions = (Condition(name="source", value=path),)
    query = SearchQuery(kind="execution", records=RecordQuery(conditions=conditions))
    assert len(search(audited.store, query).items) == 1


def test_by_time(audited: Audited) -> None:
    first, *_, last = audited.made("Model")
    query = SearchQuery.parsed("Model")
    assert search(audited.store, replace(query, until=first.created_at)).items == ()
    later = search(audited.store, replace(query, since=last.created_at)).items
    assert [hit.id for hit in later] == [last.id]
    assert search(audited.store, replace(query, since=datetime.now(UTC) + timedelta(days=1))).items == ()


@pytest.mark.parametrize("text", ["", "executions", "runs", "Model", "executions pipeline:audited"])
def test_pages_join_without_gap_or_overlap(audited: Audited, text: str) -> None:
    query = SearchQuery.parsed(text)
    whole = search(audited.store, query).items
    joined, cursor = [], None
    while True:
        page = search(audited.store, query, page=PageRequest(size=2, cursor=cursor))
        joined += page.items
        if (cursor := page.next_cursor) is None:
            break
    assert tuple(joined) == whole
    assert [hit.id for hit in joined] == sorted((hit.id for hit in joined), reverse=True)


def test_a_cursor_belongs_to_its_query(audited: Audited) -> None:
    cursor = search(audited.store, SearchQuery.parsed("Model"), page=PageRequest(size=1)).next_cursor
    with pytest.raises(LineageQueryError, match="does not belong"):
        search(audited.store, SearchQuery.parsed("Examples"), page=PageRequest(cursor=cursor))


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("field", ["type_name", "pipeline", "run_id", "node"])
@pytest.mark.parametrize("kind", ["artifact", "execution", "run"])
def test_no_filter_takes_syntax(audited: Audited, kind: str, field: str, value: str) -> None:
    records = RecordQuery(**{field: value})  # type: ignore[arg-type]
    try:
        found = search(audited.store, SearchQuery(kind=kind, records=records))  # type: ignore[arg-type]
    except LineageQueryError:
        assert kind == "run"
    else:
        assert found.items == ()


@pytest.mark.parametrize("value", INJECTIONS)
def test_no_property_takes_syntax(audited: Audited, value: str) -> None:
    conditions = (Condition(name="source", value=value),)
    for kind in ("artifact", "execution"):
        query = SearchQuery(kind=kind, records=RecordQuery(conditions=conditions))  # type: ignore[arg-type]
        assert search(audited.store, query).items == ()


@pytest.mark.parametrize(
    "text",
    [
        *("'", '"a', "state:asleep", "kind:spell", "since:yesterday", "span:x", "pipeline:", "span>=x"),
        *("span>true", "runs Model", "runs steps=1", "executions span:3", "__pl_node=x", "Mod;el", "a'b"),
        *("since:1500-01-01", "x" * 3_000, "a\0b", "span:" + "9" * 40),
    ],
)
def test_what_cannot_be_understood_is_refused(audited: Audited, text: str) -> None:
    with pytest.raises(LineageQueryError, match=r"cannot be searched for|is no span"):
        search(audited.store, SearchQuery.parsed(text))


@pytest.mark.parametrize("name", ["a.b", "a b", "é", "__pl_run_id", "", "a' OR 'a"])
def test_a_property_has_a_plain_name(audited: Audited, name: str) -> None:
    query = SearchQuery(records=RecordQuery(conditions=(Condition(name=name, value=1),)))
    with pytest.raises(LineageQueryError, match="cannot be searched for"):
        search(audited.store, query)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40), sign=st.sampled_from(list(Sign)), number=st.integers(-(2**70), 2**70))
def test_any_text_and_number_is_answered_or_refused(
    audited: Audited, text: str, sign: Sign, number: int
) -> None:
    for word in (text, f"pipeline:{text}", f"run:{text}", f"steps{sign}{number}", f"source={text}"):
        try:
            query = SearchQuery.of_words([word])
            page = search(audited.store, query)
        except LineageQueryError:
            continue
        assert len(page.items) <= 50
