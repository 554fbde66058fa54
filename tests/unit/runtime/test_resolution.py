"""Nodes that execute nothing: what resolvers see and may choose; imports, once per content."""

from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.metadata.records import ArtifactQuery
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.results import NodeResult, Outcome
from pipeline_lib.runtime.session import Session, open_session
from unit.runtime.toy_runs import toy_plan, toy_profile

PIPELINES = '''
from pipeline_lib import Artifact, History, importer, pipeline, resolver
from toy.components import Number, add, read, total


@resolver
def raises(history: History, *, how: str) -> Number | None:
    """Misbehaves."""
    if how == "raise":
        raise RuntimeError("nothing fits")
    if how == "invent":
        return Number.at("/nowhere", value=1)
    found = history.artifacts(Number, equal={"value": 7})
    return found[0] if found else None


@pipeline(name="choosing")
def choosing(source: str, how: str) -> None:
    """A resolver of our own."""
    add(read(source=source), raises(how=how))


@pipeline(name="importing")
def importing(uri: str) -> None:
    """Files that exist already."""
    add(importer(Number, uri, properties={"value": 5}))
'''


@pytest.fixture
def plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "resolving"
    folder.mkdir()
    (folder / "resolving_toys.py").write_text(PIPELINES)
    toy_plan("chain")
    monkeypatch.syspath_prepend(folder)
    import resolving_toys

    return resolving_toys


@pytest.fixture
def session(tmp_path: Path, plans: Any) -> Any:
    profile = toy_profile(tmp_path)
    paths = (*profile.import_paths, tmp_path / "resolving")
    with open_session(profile.model_copy(update={"import_paths": paths})) as opened:
        yield opened


def chosen(session: Session, plan: Plan, number: dict[str, Any], how: str) -> NodeResult:
    (result,) = session.run(plan, {**number, "how": how}).of("raises")
    return result


def test_what_a_resolver_raises_is_named(session: Session, plans: Any, number: dict[str, Any]) -> None:
    result = chosen(session, plans.choosing.compile(), number, "raise")
    assert result.outcome is Outcome.FAILED
    assert "[PL405] raises failed: RuntimeError: nothing fits" in str(result.error)


def test_a_resolver_chooses_among_what_is_stored(
    session: Session, plans: Any, number: dict[str, Any]
) -> None:
    result = chosen(session, plans.choosing.compile(), number, "invent")
    assert "chose an artifact that the store does not know" in str(result.error)


def test_history_is_asked_by_property(session: Session, plans: Any, number: dict[str, Any]) -> None:
    plan = plans.choosing.compile()
    assert chosen(session, plan, number, "query").reason in ("found none", "Number 1")
    result = chosen(session, plan, number, "query")
    (artifact,) = result.outputs["result"]
    assert artifact.properties["value"] == 7
    assert result.reason == f"Number {artifact.id}"


def test_an_import_is_recorded_once_per_content(session: Session, plans: Any, tmp_path: Path) -> None:
    files = tmp_path / "given"
    files.mkdir()
    (files / "number.txt").write_text("5")
    plan = plans.importing.compile()
    first, again = (session.run(plan, {"uri": str(files)}) for _ in range(2))
    (name,) = [str(node.key) for node in first.nodes if "import" in str(node.key)]
    assert first.of(name)[0].outputs == again.of(name)[0].outputs
    assert again.of("add")[0].outcome is Outcome.CACHED
    (files / "number.txt").write_text("6")
    changed = session.run(plan, {"uri": str(files)})
    assert changed.of(name)[0].outputs != first.of(name)[0].outputs
    assert changed.of("add")[0].outcome is Outcome.COMPLETE
    imported = session.store.artifacts(ArtifactQuery(pipeline="importing", node=name))
    assert len(imported) == 2


def test_an_import_of_nothing_is_explained(session: Session, plans: Any, tmp_path: Path) -> None:
    result = session.run(plans.importing.compile(), {"uri": str(tmp_path / "gone")})
    assert "[PL206] there is no directory to import as Number" in str(result.nodes[0].error)


def test_a_window_of_a_dated_run_is_told_in_days(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("windowed")
    for day in (1, 2):
        given = {**number, "span": 20_000 + day, "day": f"2024-10-0{day + 3}"}
        result = session.run(plan, given)
    assert result.of("rolling_window")[0].reason == "2 artifacts, 2024-10-05 to 2024-10-06"
