"""What late data makes stale, in runs of a window over days."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_lib.lineage.queries.staleness import Staleness, stale, stale_since
from pipeline_lib.metadata.records import State
from pipeline_lib.runtime.session import Session, open_session
from unit.runtime.toy_runs import toy_plan, toy_profile


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_session(toy_profile(tmp_path)) as opened:
        yield opened


def run_day(session: Session, tmp_path: Path, day: int, content: str) -> str:
    source = tmp_path / f"day-{day}.txt"
    source.write_text(content)
    given = {"day": f"2026-01-0{day}", "source": str(source), "span": day}
    result = session.run(toy_plan("windowed"), given)
    assert result.state is State.COMPLETE
    return result.run_id


def told(found: Staleness) -> list[tuple[str, str]]:
    return [(one.run_span, one.artifact.node) for one in found.artifacts]


def test_late_data_makes_later_windows_stale_until_they_run_again(session: Session, tmp_path: Path) -> None:
    for day in (1, 2, 3):
        run_day(session, tmp_path, day, str(day))
    assert stale(session.store) == Staleness(versions=(), artifacts=())
    again = run_day(session, tmp_path, 1, "100")
    found = stale(session.store)
    assert [(v.span, v.old.properties["value"], v.new.properties["value"]) for v in found.versions] == [
        (1, 1, 100)
    ]
    assert told(found) == [("2026-01-02", "total"), ("2026-01-03", "total")]
    assert found.run_again == ("2026-01-02", "2026-01-03")
    assert {one.old for one in found.artifacts} == {(found.versions[0].old.id,)}
    assert stale_since(session.store, session.store.run_executions(again)) == found
    run_day(session, tmp_path, 2, "2")
    assert stale(session.store).run_again == ("2026-01-03",)
    run_day(session, tmp_path, 3, "3")
    assert told(stale(session.store)) == []


def test_only_what_was_asked_about_is_looked_at(session: Session, tmp_path: Path) -> None:
    for day, content in ((1, "1"), (2, "2"), (1, "100")):
        run_day(session, tmp_path, day, content)
    assert told(stale(session.store, spans=(2, 9))) == []
    assert told(stale(session.store, pipeline="another")) == []
    assert told(stale(session.store, pipeline="windowed", spans=(1, 1))) == [("2026-01-02", "total")]


def test_the_same_data_again_is_no_new_version(session: Session, tmp_path: Path) -> None:
    for content in ("1", " 1", "1"):
        last = run_day(session, tmp_path, 1, content)
    assert stale(session.store).versions == ()
    assert stale_since(session.store, session.store.run_executions(last)).artifacts == ()
    assert stale_since(session.store, ()).versions == ()
