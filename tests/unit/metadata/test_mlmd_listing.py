"""Lists that are looked for a stretch of ids at a time: what they hold, in which order, by how many calls."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.metadata import mlmd_listing
from pipeline_lib.metadata.connection import Connection
from pipeline_lib.metadata.marks import Mark, MarkKind
from pipeline_lib.metadata.mlmd import MlmdStore, open_store
from pipeline_lib.metadata.records import ArtifactQuery, Condition, RecordQuery, Slice
from unit.metadata.building import examples, publish, ready

TARGET = Mark(kind=MarkKind.TARGET, text="/served/m")
RARE = 5


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlmdStore]:
    """Sixty artifacts, of which every fifth is of the node that is asked for."""
    with open_store(f"sqlite:///{tmp_path_factory.mktemp('listing')}/m.sqlite") as opened:
        assert isinstance(opened, MlmdStore)
        ready(opened)
        for number in range(60):
            node = "rare" if number % RARE == 0 else "common"
            publish(opened, node, f"run-{number}", examples(f"/{number}", span=number))
        yield opened


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches so short that these few ids take all of them."""
    monkeypatch.setattr(mlmd_listing, "_IDS_FOR_ONE", 1)
    monkeypatch.setattr(mlmd_listing, "_GROWTH", 2)


@given(
    limit=st.integers(1, 9),
    above=st.integers(0, 5_000),
    ids=st.integers(0, 5_000),
    oldest_first=st.booleans(),
)
def test_the_stretches_hold_every_id_once_in_order(
    limit: int, above: int, ids: int, oldest_first: bool
) -> None:
    within = Slice(limit=limit, oldest_first=oldest_first)
    stretches = list(mlmd_listing._stretches(within, above, above + ids + 1))
    found = [
        number
        for start, end in stretches
        for number in (range(start + 1, end) if oldest_first else range(end - 1, start, -1))
    ]
    assert sorted(found) == list(range(above + 1, above + ids + 1))
    assert found == sorted(found, reverse=not oldest_first)
    assert len(stretches) <= 4


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("limit", [1, 3, 11, 12, 13, 100])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_a_list_is_the_same_however_it_is_looked_for(
    store: MlmdStore, limit: int, oldest_first: bool
) -> None:
    everything = store.list_artifacts(RecordQuery(), Slice(limit=100, oldest_first=oldest_first))
    expected = [artifact.id for artifact in everything if artifact.node == "rare"]
    middle = sorted(expected)[6]

    def listed(**within: int) -> list[int]:
        found = store.list_artifacts(
            RecordQuery(node="rare"), Slice(limit=limit, oldest_first=oldest_first, **within)
        )
        return [artifact.id for artifact in found]

    assert listed() == expected[:limit]
    assert listed(before=middle) == [id_ for id_ in expected if id_ < middle][:limit]
    assert listed(after=middle) == [id_ for id_ in expected if id_ > middle][:limit]
    assert listed(after=middle - 1, before=middle + 1) == [middle]
    query = ArtifactQuery(node="rare", limit=limit, oldest_first=oldest_first, id_after=middle)
    assert [artifact.id for artifact in store.artifacts(query)] == listed(after=middle)


@pytest.mark.usefixtures("short")
def test_the_calls_do_not_grow_with_the_history(store: MlmdStore) -> None:
    def calls(ask: Callable[[], object]) -> int:
        before = store._connection.calls
        ask()
        return store._connection.calls - before

    nothing = RecordQuery(conditions=(Condition(name="span", value=-1),))
    later = datetime.now(UTC) + timedelta(hours=1)
    assert calls(lambda: store.list_artifacts(nothing, Slice(limit=1))) == 5
    assert calls(lambda: store.list_artifacts(nothing, Slice(limit=1, oldest_first=True))) == 5
    assert calls(lambda: store.list_artifacts(nothing, Slice(limit=1, before=50, made_before=later))) == 5
    assert calls(lambda: store.list_artifacts(RecordQuery(node="rare"), Slice(limit=1))) <= 5
    assert calls(lambda: store.list_artifacts(RecordQuery(), Slice(limit=1))) == 1
    assert calls(lambda: store.list_artifacts(RecordQuery(run_id="run-3"), Slice())) == 1
    assert calls(lambda: store.list_runs(RecordQuery(), Slice())) == 1
    assert calls(lambda: store.marked(TARGET, Slice())) == 1


def test_an_empty_store_has_empty_lists(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/m.sqlite") as store:
        assert store.list_artifacts(RecordQuery(node="rare"), Slice()) == []
        assert store.list_executions(RecordQuery(node="rare"), Slice(oldest_first=True)) == []
        assert store.list_artifacts(RecordQuery(), Slice(made_before=datetime.now(UTC))) == []


def test_a_time_tells_where_to_look_with_a_day_for_clocks_that_differ(
    store: MlmdStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = store.list_artifacts(RecordQuery(), Slice(limit=60))
    times = sorted(artifact.created_at for artifact in artifacts)
    asked: list[str] = []
    ask = Connection.call

    def told(self: Connection, method: str, *args: object, **kwargs: object) -> object:
        asked.append(str(getattr(kwargs.get("list_options"), "filter_query", "")))
        return ask(self, method, *args, **kwargs)

    monkeypatch.setattr(Connection, "call", told)
    for at in (times[0], times[30], times[-1] + timedelta(days=2)):
        found = store.list_artifacts(RecordQuery(), Slice(limit=100, made_before=at))
        assert found == [artifact for artifact in artifacts if artifact.created_at < at]
        found = store.list_artifacts(RecordQuery(), Slice(limit=100, made_since=at))
        assert found == [artifact for artifact in artifacts if artifact.created_at >= at]
    for time in (times[30] + timedelta(days=1), times[30] - timedelta(days=1)):
        assert f"create_time_since_epoch < {int(time.timestamp() * 1000)}" in asked
