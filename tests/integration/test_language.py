"""What the authoring language records is what a run does: every form, compiled and run."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.runtime.results import Outcome, RunResult
from pipeline_lib.runtime.session import Session, open_session
from pipeline_lib.settings import ArtifactSettings, HostSettings, MetadataSettings, Profile

PIPELINES = Path(__file__).parent / "pipelines"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSettings]:
    settings = HostSettings(directory=tmp_path_factory.mktemp("host"))
    yield settings
    stop_hosts(settings)


@pytest.fixture
def session(tmp_path: Path, host: HostSettings) -> Iterator[Session]:
    profile = Profile(
        state_dir=tmp_path / "state",
        import_paths=(PIPELINES,),
        metadata=MetadataSettings(url=f"sqlite:///{tmp_path}/metadata.sqlite"),
        artifacts=ArtifactSettings(root=str(tmp_path / "artifacts")),
        host=host,
    )
    with open_session(profile) as opened:
        yield opened


@pytest.fixture
def run(session: Session, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(PIPELINES), *sys.path])

    def start(name: str, **parameters: Any) -> RunResult:
        module = importlib.import_module("language.pipeline")
        result = session.run(getattr(module, name).compile(), parameters)
        assert [node.error for node in result.nodes if node.outcome.failed] == []
        return result

    return start


def texts(result: RunResult, node: str) -> list[str]:
    ran = sorted(result.of(node), key=lambda found: found.key.iteration)
    return [
        str(artifact.properties["text"])
        for found in ran
        for artifacts in found.outputs.values()
        for artifact in artifacts
    ]


def skipped(result: RunResult) -> set[str]:
    return {str(node.key) for node in result.nodes if node.outcome is Outcome.SKIPPED}


@pytest.mark.parametrize(
    ("parameters", "merged", "with_high", "not_run"),
    [
        ({"score": 0.9}, "re:high:first+-+-", "re:first+high:first+-", {"reply_2", "reply_3"}),
        (
            {"score": 0.1, "force": True},
            "re:high:first+-+-",
            "re:first+high:first+-",
            {"not_forced", "reply_2", "reply_3"},
        ),
        (
            {"score": 0.1, "style": "fancy"},
            "re:middle:first+-+-",
            "re:first+-",
            {"reply", "not_forced", "reply_3"},
        ),
        ({"score": 0.1}, "re:low:first+-+-", "re:first+-", {"reply", "not_forced", "reply_2"}),
    ],
    ids=["when", "or", "else-if", "else"],
)
def test_branches(
    run: Any, parameters: dict[str, Any], merged: str, with_high: str, not_run: set[str]
) -> None:
    result = run("branches", **parameters)
    assert texts(result, "merged") == [merged]
    assert texts(result, "with_high") == [with_high]
    assert skipped(result) == not_run


def test_loops_gather_in_order_and_conditions_hold_per_item(run: Any) -> None:
    result = run("loops")
    assert texts(result, "each") == ["a", "a", "b", "b"]
    assert texts(result, "of_word") == ["a,a", "b,b"]
    assert texts(result, "everything") == ["base,re:a+-,re:b+-"]
    assert skipped(result) == {"reply[0][0]", "reply[1][0]"}


def test_structures(run: Any) -> None:
    result = run("structures", day="2013-01-05", look={"style": "fancy", "size": 2.0, "words": ["x"]})
    (first,) = (artifact for artifacts in result.of("write")[0].outputs.values() for artifact in artifacts)
    assert json.loads(Path(first.uri, "note.json").read_text()) == {
        "style": "fancy",
        "size": 3.0,
        "words": ["x"],
        "day": "2013-01-05",
    }
    assert texts(result, "second") == ["first"]
    assert skipped(run("structures", day="2013-01-05", sizes={"big": 1.0})) == {"second"}


def test_optional_artifacts(run: Any, tmp_path: Path) -> None:
    existing = tmp_path / "existing"
    existing.mkdir()
    (existing / "a.txt").write_text("a")
    result = run("optional", uri=str(existing))
    assert texts(result, "import_note") == ["brought"]
    assert len(texts(result, "on_old")) + len(texts(result, "on_new")) == 1
