"""What a server served when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline_lib.errors import AmbiguousSubjectError, LineageQueryError, UnknownSubjectError
from pipeline_lib.lineage import (
    PageRequest,
    Subject,
    explain,
    find_model,
    live_at,
    live_now,
    targets,
    timeline,
)
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.store import Store
from unit.lineage.conftest import Counting
from unit.lineage.deployments import START, TARGET, Deployments
from unit.lineage.queries.test_subjects import INJECTIONS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/m.sqlite") as opened:
        yield opened


@pytest.fixture
def told(store: Store) -> Deployments:
    """Pushed 1 and 2, back to 1, an undone push, canary 3 and its promotion."""
    made = Deployments(store)
    made.push(1)
    made.push(2, previous=1)
    made.change("rollback", 1, previous=2, reason="<b>slow</b>")
    made.fail(9)
    made.push(3, previous=1, label="canary", traffic=10)
    made.change("promote", 3, previous=1)
    return made


def test_changes_come_newest_first_and_end_where_the_next_begins(store: Store, told: Deployments) -> None:
    found = timeline(store, TARGET).items
    assert [(one.kind, one.version, one.label) for one in found] == [
        ("promote", "3", "stable"),
        ("push", "3", "canary"),
        ("rollback", "1", "stable"),
        ("push", "2", "stable"),
        ("push", "1", "stable"),
    ]
    assert [one.replaced_by for one in found] == ["", "", "3", "1", "2"]
    assert found[2].live_until == found[0].live_at == told.at(6)
    assert (found[1].traffic, found[1].live_until) == (10.0, None)
    assert found[2].reason == "<b>slow</b>"


def test_each_change_knows_its_model(store: Store, told: Deployments) -> None:
    found = timeline(store, TARGET).items
    by_version = {one.version: one.model_id for one in found if one.kind == "push"}
    assert None not in by_version.values()
    assert {one.version: one.model_id for one in found} == by_version
    assert told.count == 6


def test_pages_join_without_gap_or_overlap(store: Store, told: Deployments) -> None:
    whole = timeline(store, TARGET).items
    for size in (1, 2, 3):
        joined, cursor = [], None
        while True:
            page = timeline(store, TARGET, page=PageRequest(size=size, cursor=cursor))
            joined += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        assert tuple(joined) == whole
    assert told.count == 6


def test_new_changes_do_not_move_later_pages(store: Store, told: Deployments) -> None:
    first = timeline(store, TARGET, page=PageRequest(size=2))
    rest = timeline(store, TARGET, page=PageRequest(size=3, cursor=first.next_cursor)).items
    told.push(4, previous=3)
    again = timeline(store, TARGET, page=PageRequest(size=3, cursor=first.next_cursor)).items
    assert again == rest


@pytest.mark.parametrize(
    ("minutes", "version"), [(0, None), (1, "1"), (1.5, "1"), (2, "2"), (3, "1"), (5.5, "1"), (99, "3")]
)
def test_what_served_at_a_time(store: Store, told: Deployments, minutes: float, version: str | None) -> None:
    # The store's own clock is that of this test: only `live_at` says when it was.
    executions = timeline(store, TARGET).items
    assert executions
    found = [one for one in executions if one.stable and one.live_at <= told.at(minutes)]
    assert (found[0].version if found else None) == version


def test_live_at_reads_what_was_recorded_by_then(store: Store, told: Deployments) -> None:
    found = live_at(store, TARGET, datetime.now(UTC) + timedelta(days=1))
    assert found is not None
    assert found.version == "3"
    assert live_at(store, TARGET, START) is None
    assert told.count == 6


def test_what_is_live_now_and_beside_it(store: Store, told: Deployments) -> None:
    assert [one.version for one in live_now(store, TARGET)] == ["3"]
    told.push(4, previous=3, label="canary", traffic=5)
    assert [(one.version, one.label) for one in live_now(store, TARGET)] == [("3", "stable"), ("4", "canary")]
    told.change("abort", 4, label="canary")
    assert [one.version for one in live_now(store, TARGET)] == ["3"]


def test_what_is_live_after_a_rollback_names_its_model(store: Store) -> None:
    changes = Deployments(store)
    models = [changes.push(version) for version in (1, 2)]
    changes.change("rollback", 1, previous=2)
    other = Deployments(store, "/served/other")
    models.append(other.push(7))
    counting = Counting(store)
    live = live_now(counting, TARGET, other.target)
    assert [(one.version, one.model_id) for one in live] == [("1", models[0].id), ("7", models[2].id)]
    assert counting.calls == {"marked": 2, "producers": 1}


def test_a_version_pushed_again_goes_on(store: Store, told: Deployments) -> None:
    again = Deployments(store, "/served/other")
    again.push(1)
    again.push(1)
    again.push(2)
    found = timeline(store, "/served/other").items
    assert [(one.version, one.replaced_by) for one in found] == [("2", ""), ("1", "2"), ("1", "2")]
    assert told.count == 6


def test_an_explanation_has_every_time_a_model_was_live(store: Store, told: Deployments) -> None:
    (push,) = explain(store, Subject(version="1")).pushes
    assert [(one.kind, one.since, one.until, one.replaced_by) for one in push.live] == [
        ("push", told.at(1), told.at(2), "2"),
        ("rollback", told.at(3), told.at(6), "3"),
    ]
    assert (push.serving, push.replaced_by) == (False, "2")
    (latest,) = explain(store, Subject(version="3")).pushes
    assert latest.serving


def test_the_calls_do_not_grow_with_later_changes(store: Store, told: Deployments) -> None:
    def calls() -> int:
        counted = Counting(store)
        explain(counted, Subject(version="1"))  # type: ignore[arg-type]
        assert counted.calls.total() <= 8
        return counted.calls.total()

    before = calls()
    for version in range(10, 40):
        told.push(version)
    assert calls() == before
    counted = Counting(store)
    page = timeline(counted, TARGET)  # type: ignore[arg-type]
    assert counted.calls.total() <= 4
    assert len(page.items) == 35


def test_a_target_goes_by_its_last_part(store: Store, told: Deployments) -> None:
    assert targets(store) == (TARGET,)
    assert timeline(store, "it's a model") == timeline(store, TARGET)
    Deployments(store, "/elsewhere/it's a model").push(1)
    with pytest.raises(AmbiguousSubjectError, match="several targets"):
        timeline(store, "it's a model")
    assert find_model(store, Subject(version="2", target=TARGET)).digest == "m2"
    assert told.count == 6


@pytest.mark.parametrize("target", [*INJECTIONS, ""])
def test_no_text_reaches_the_filter_language(store: Store, told: Deployments, target: str) -> None:
    with pytest.raises(UnknownSubjectError, match="nothing was pushed to"):
        timeline(store, target)
    assert told.count == 6


def test_a_cursor_of_another_target_is_refused(store: Store, told: Deployments) -> None:
    cursor = timeline(store, TARGET, page=PageRequest(size=1)).next_cursor
    Deployments(store, "/served/other").push(1)
    with pytest.raises(LineageQueryError, match="does not belong"):
        timeline(store, "/served/other", page=PageRequest(cursor=cursor))
    assert told.count == 6
