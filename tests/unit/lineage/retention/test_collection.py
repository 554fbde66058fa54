"""Payloads go, and nothing that a served or pinned model was made from; whatever happens meanwhile."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline_lib.artifacts.store import ArtifactStore, open_artifact_store
from pipeline_lib.errors import RetentionError
from pipeline_lib.lineage import Subject, explain
from pipeline_lib.lineage.audit.report import audit_report
from pipeline_lib.lineage.retention.collection import Policy, Sweep, candidates, collect
from pipeline_lib.lineage.retention.protection import protected_ids
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import ArtifactQuery, ArtifactState, Run, State, StoredArtifact
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.session import open_session
from unit.runtime.toy_runs import TOYS, toy_profile

ALL = Policy(keep_last=0)
NOW = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(scope="module")
def plan() -> Iterator[Plan]:
    before = list(sys.path)
    sys.path.insert(0, str(TOYS))
    import audited.pipeline as pipelines

    yield pipelines.audited.compile()
    sys.path[:] = before


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> tuple[Path, Path]:
    """Two runs, one whose model was pushed and one whose model was refused; and a copy of it all."""
    folder = tmp_path_factory.mktemp("retention") / "place"
    folder.mkdir()
    (folder / "one.csv").write_text("1\n")
    with open_session(toy_profile(folder)) as session:
        for number, bless in enumerate((True, False)):
            result = session.run(
                plan,
                {
                    "source": str(folder / "one.csv"),
                    "span": 15857,
                    "base": "/served/toy",
                    "version": str(101 + number),
                    "steps": 5 + number,
                    "bless": bless,
                },
            )
            assert result.state is State.COMPLETE
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    return folder, copy


@pytest.fixture
def folder(recorded: tuple[Path, Path]) -> Path:
    """The runs as they were recorded: uris are absolute, so that the place is always the same."""
    place, copy = recorded
    shutil.rmtree(place)
    shutil.copytree(copy, place)
    return place


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{folder}/metadata.sqlite") as opened:
        yield opened


@pytest.fixture
def files(folder: Path) -> ArtifactStore:
    return open_artifact_store(str(folder / "artifacts"), {}, cache_dir=folder / "cache")


def made(store: Store, type_name: str) -> list[StoredArtifact]:
    return list(store.artifacts(ArtifactQuery(type_name=type_name, oldest_first=True, any_state=True)))


def root(folder: Path) -> str:
    return str(folder / "artifacts")


def swept(store: Store, files: ArtifactStore, folder: Path, policy: Policy = ALL) -> Sweep:
    return collect(store, files, policy, root=root(folder), is_active=lambda _: False)


def test_only_what_no_served_model_needs_may_go(store: Store, folder: Path) -> None:
    found = candidates(store, ALL, root=root(folder), now=NOW)
    refused = [made(store, name)[1] for name in ("Model", "ModelBlessing", "PushedModel")]
    assert [one.id for one in found.candidates] == sorted(artifact.id for artifact in refused)
    assert found.size_bytes == sum(artifact.size_bytes for artifact in refused)
    assert all(Path(artifact.uri).is_dir() for artifact in refused)


def test_files_go_and_records_stay(store: Store, files: ArtifactStore, folder: Path) -> None:
    before = [replace(model, state=ArtifactState.DELETED) for model in made(store, "Model")]
    found = swept(store, files, folder)
    kept, gone = made(store, "Model")
    assert Path(kept.uri).is_dir()
    assert not Path(gone.uri).exists()
    assert gone == before[1]
    assert gone.id in found.deleted
    explained = explain(store, Subject(artifact=gone.id))
    assert f"files of Model {gone.id}: deleted" in explained.missing
    assert swept(store, files, folder).candidates == ()


def test_the_report_of_a_served_model_stays_the_same(
    store: Store, files: ArtifactStore, folder: Path
) -> None:
    before = audit_report(explain(store, Subject(version="101")))
    assert swept(store, files, folder).deleted
    assert audit_report(explain(store, Subject(version="101"))) == before


def test_a_pinned_artifact_keeps_what_it_was_made_from(store: Store, folder: Path) -> None:
    refused = made(store, "Model")[1]
    store.set_pinned(refused.id, pinned=True)
    assert {refused.id, made(store, "Examples")[0].id} <= protected_ids(store)
    assert candidates(store, ALL, root=root(folder), now=NOW).candidates == ()
    store.set_pinned(refused.id, pinned=False)
    assert len(candidates(store, ALL, root=root(folder), now=NOW).candidates) == 3


@pytest.mark.parametrize(
    ("policy", "count"),
    [
        pytest.param(Policy(older_than=timedelta(days=1)), 0, id="too-young"),
        pytest.param(Policy(older_than=timedelta(0)), 3, id="old-enough"),
        pytest.param(Policy(keep_last=1), 0, id="newest-of-each"),
        pytest.param(Policy(keep_last=0, types=("Model",)), 1, id="type"),
        pytest.param(Policy(keep_last=0, types=("Model", "ModelBlessing")), 2, id="types"),
        pytest.param(Policy(keep_last=0, node="judge"), 1, id="node"),
        pytest.param(Policy(keep_last=0, pipeline="other"), 0, id="pipeline"),
        pytest.param(Policy(keep_last=0, types=("' OR 1=1 --",)), 0, id="no-syntax"),
    ],
)
def test_age_count_type_and_place(store: Store, folder: Path, policy: Policy, count: int) -> None:
    assert len(candidates(store, policy, root=root(folder), now=NOW).candidates) == count


def test_files_outside_the_store_are_left_alone(store: Store, folder: Path) -> None:
    found = candidates(store, ALL, root=str(folder / "other"), now=NOW)
    assert found.candidates == ()


@pytest.mark.parametrize(
    "given", [{}, {"keep_last": -1}, {"older_than": timedelta(days=-1)}, {"keep_last": None}]
)
def test_a_policy_says_what_may_go(given: dict[str, int]) -> None:
    with pytest.raises(RetentionError, match=r"needs an age|is negative"):
        Policy(**given)  # type: ignore[arg-type]


def test_the_cache_misses_what_is_gone_and_says_so(
    store: Store, files: ArtifactStore, folder: Path, plan: Plan
) -> None:
    swept(store, files, folder)
    given = {
        "source": str(folder / "one.csv"),
        "span": 15857,
        "base": "/served/toy",
        "version": "102",
        "steps": 6,
        "bless": False,
    }
    with open_session(toy_profile(folder)) as session:
        result = session.run(plan, given)
    assert result.state is State.COMPLETE
    (train,) = [node for node in result.nodes if node.key.node == "train"]
    assert train.reason.startswith("model is lost: Model")
    assert train.reason.endswith("is deleted")
    assert len([model for model in made(store, "Model") if model.state is ArtifactState.LIVE]) == 2


def test_what_a_run_may_have_found_goes_when_it_has_ended(
    store: Store, files: ArtifactStore, folder: Path
) -> None:
    at_work = Run(pipeline="other", run_id="at-work", state=State.RUNNING, started_at=datetime.now(UTC))
    store.open_run(at_work)
    first = collect(store, files, ALL, root=root(folder), is_active=lambda _: True)
    assert (len(first.waiting), first.deleted, first.runs) == (3, (), ("at-work",))
    marked = made(store, "Model")[1]
    assert marked.state is ArtifactState.MARKED_FOR_DELETION
    assert Path(marked.uri).is_dir()
    store.close_run(replace(at_work, state=State.COMPLETE))
    later = Run(
        pipeline="other",
        run_id="later",
        state=State.RUNNING,
        started_at=datetime.now(UTC),
    )
    store.open_run(later)
    second = collect(store, files, ALL, root=root(folder), is_active=lambda _: True)
    assert (second.deleted, second.waiting) == (first.waiting, ())


def test_clocks_that_differ_free_nothing_too_early(store: Store, files: ArtifactStore, folder: Path) -> None:
    """The run is older than the mark, whatever its clock says: it was ahead, or was set back since."""
    ahead = datetime.now(UTC) + timedelta(days=1)
    store.open_run(Run(pipeline="other", run_id="at-work", state=State.RUNNING, started_at=ahead))
    for _ in range(2):
        swept_now = collect(store, files, ALL, root=root(folder), is_active=lambda _: True)
        assert (len(swept_now.waiting), swept_now.deleted) == (3, ())


def test_a_new_mark_waits_anew(store: Store, files: ArtifactStore, folder: Path) -> None:
    """One that was unmarked, and marked again by a collection that was killed before it noted more."""
    marked = [artifact.id for artifact in made(store, "Model")[1:]]
    store.set_states(marked, ArtifactState.MARKED_FOR_DELETION)
    store.note_marked_after(marked, 1)
    store.set_states(marked, ArtifactState.LIVE)
    store.open_run(Run(pipeline="other", run_id="at-work", state=State.RUNNING, started_at=datetime.now(UTC)))
    store.set_states(marked, ArtifactState.MARKED_FOR_DELETION)
    swept_now = collect(store, files, ALL, root=root(folder), is_active=lambda run: run.run_id == "at-work")
    assert set(marked) <= set(swept_now.waiting)


def test_what_turns_out_to_be_needed_lives_again(store: Store, files: ArtifactStore, folder: Path) -> None:
    model = made(store, "Model")[1]
    store.set_states([model.id], ArtifactState.MARKED_FOR_DELETION)
    store.set_pinned(model.id, pinned=True)
    assert swept(store, files, folder).deleted == ()
    assert made(store, "Model")[1].state is ArtifactState.LIVE


PROGRAM = """
import sys
from pathlib import Path
from pipeline_lib.artifacts.store import open_artifact_store
from pipeline_lib.lineage.retention.collection import Policy, collect
from pipeline_lib.metadata.mlmd import open_store
folder = Path(sys.argv[1])
files = open_artifact_store(str(folder / "artifacts"), {}, cache_dir=folder / "cache")
with open_store(f"sqlite:///{folder}/metadata.sqlite") as store:
    collect(store, files, Policy(keep_last=0), root=str(folder / "artifacts"), is_active=lambda _: False)
"""


@pytest.mark.parametrize("fault", ["kill@gc-marked", "kill@gc-removed", "kill@gc-removed#2"])
def test_a_killed_collection_leaves_a_consistent_store(
    store: Store, files: ArtifactStore, folder: Path, fault: str
) -> None:
    report = audit_report(explain(store, Subject(version="101")))
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env={**os.environ, "PIPELINE_FAULT": fault},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == -9, ran.stderr
    with open_store(f"sqlite:///{folder}/metadata.sqlite") as reopened:
        everything = [
            one
            for name in ("Examples", "Model", "ModelBlessing", "PushedModel")
            for one in made(reopened, name)
        ]
        for artifact in everything:
            if artifact.state is ArtifactState.LIVE:
                files.verify(artifact.uri, artifact.digest, full=True)
        assert any(one.state is not ArtifactState.LIVE for one in everything)
        assert (
            len(swept(reopened, files, folder).deleted)
            + sum(one.state is ArtifactState.DELETED for one in everything)
            == 3
        )
        assert audit_report(explain(reopened, Subject(version="101"))) == report
