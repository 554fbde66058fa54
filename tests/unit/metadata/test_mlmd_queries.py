"""Listings and look-ups by mark; that every backend agrees is part of the store's contract."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline_lib.metadata.marks import Mark, MarkKind
from pipeline_lib.metadata.mlmd import MlmdStore, open_store
from pipeline_lib.metadata.mlmd_queries import mark_name
from pipeline_lib.metadata.records import Condition, RecordQuery, Sign, Slice, StoredArtifact
from pipeline_lib.metadata.store import Store
from unit.metadata.building import AWKWARD, examples, new, publish, ready


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/m.sqlite") as opened:
        ready(opened)
        yield opened


def made(store: Store, count: int) -> list[StoredArtifact]:
    return [publish(store, f"n{number}", "run-1", examples(f"/{number}"))[1] for number in range(count)]


def test_a_mark_that_could_not_be_a_name_goes_by_its_digest() -> None:
    assert mark_name(Mark(kind=MarkKind.TARGET, text="/served/x")) == "/served/x"
    assert len(mark_name(Mark(kind=MarkKind.TARGET, text=AWKWARD))) == 64
    assert len(mark_name(Mark(kind=MarkKind.FILE_NAME, text="x" * 300))) == 64


def test_slices_by_id_and_time(store: Store) -> None:
    ids = [artifact.id for artifact in made(store, 5)]

    def listed(**within: object) -> list[int]:
        return [a.id for a in store.list_artifacts(RecordQuery(), Slice(**within))]  # type: ignore[arg-type]

    assert listed() == ids[::-1]
    assert listed(oldest_first=True, limit=2) == ids[:2]
    assert listed(before=ids[2]) == ids[:2][::-1]
    assert listed(after=ids[2]) == ids[3:][::-1]
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert listed(made_before=later) == ids[::-1]
    assert listed(made_since=later) == []


def test_a_listing_is_a_call_or_two(store: Store) -> None:
    made(store, 3)
    assert isinstance(store, MlmdStore)
    for listed, calls in (
        (lambda: store.list_artifacts(RecordQuery(type_name="Examples"), Slice()), 2),
        (lambda: store.list_executions(RecordQuery(), Slice()), 1),
        (lambda: store.list_executions(RecordQuery(run_id="run-1"), Slice()), 2),
        (lambda: store.list_runs(RecordQuery(), Slice()), 1),
    ):
        before = store._connection.calls
        assert listed()
        assert store._connection.calls - before == calls


def test_a_parameter_with_any_signs_is_found(store: Store) -> None:
    id_ = store.start(new(parameters={"note": AWKWARD, "steps": 3, "rate": 0.5}))

    def found(name: str, value: object, sign: Sign = Sign.EQUAL) -> list[int]:
        query = RecordQuery(conditions=(Condition(name=name, value=value, sign=sign),))  # type: ignore[arg-type]
        return [execution.id for execution in store.list_executions(query, Slice())]

    assert found("note", AWKWARD) == found("steps", 3) == found("rate", 0.4, Sign.ABOVE) == [id_]
    assert found("note", AWKWARD + " ") == found("steps", 4) == found("steps", 3, Sign.BELOW) == []


def test_only_numbers_have_an_order(store: Store) -> None:
    query = RecordQuery(conditions=(Condition(name="a", value="x", sign=Sign.ABOVE),))
    with pytest.raises(TypeError, match="only numbers"):
        store.list_executions(query, Slice())
    with pytest.raises(ValueError, match="cannot filter"):
        store.list_executions(RecordQuery(conditions=(Condition(name="a.b", value=1),)), Slice())
    with pytest.raises(ValueError, match="is not a valid"):
        store.list_artifacts(RecordQuery(state="LIVE OR 1=1"), Slice())
