"""Records for people: what the commands' own tests do not reach."""

from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType

from pipeline_lib.cli.records import artifact_view, execution_view, run_duration, run_view
from pipeline_lib.metadata.records import (
    ArtifactState,
    NodeKey,
    Run,
    State,
    StoredArtifact,
    StoredExecution,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def text_of(view: RenderableType) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


def artifact(number: int, **changes: Any) -> StoredArtifact:
    return StoredArtifact(
        **{
            "id": number,
            "type_name": "Examples",
            "uri": "s3://b/x",
            "digest": "d",
            "created_at": NOW,
            **changes,
        }
    )


def execution(**changes: Any) -> StoredExecution:
    key = NodeKey(pipeline="p", run_id="p-1", node="train", iteration=(2,))
    return StoredExecution(
        **{
            "id": 5,
            "key": key,
            "type_name": "m.train",
            "state": State.COMPLETE,
            "cache_key": "k",
            "parameters": {},
            "facts": {},
            "started_at": NOW,
            "updated_at": NOW,
            **changes,
        }
    )


def test_many_outputs_of_a_port_are_counted() -> None:
    many = execution(outputs={"part": tuple(artifact(n) for n in range(10, 15)), "none": ()})
    shown = text_of(run_view(Run(pipeline="p", run_id="p-1", state=State.RUNNING), [many]))
    assert "Examples 10 to 14 (5)\n" in shown.replace(" \n", "\n").replace("  ", "")
    assert "train[2]" in shown
    assert "running" in shown


def test_surroundings_are_short() -> None:
    facts = {"user": "ann", "host": "h1", "git_commit": "0123456789abcdef", "git_dirty": True}
    shown = text_of(execution_view(execution(facts=facts)))
    assert "ann on h1" in shown
    assert "0123456789ab, with changes" in shown


def test_what_it_cost_is_shown_unless_it_was_cached() -> None:
    used = {"wall_seconds": 75.0, "cpu_seconds": 3.0, "peak_memory_bytes": 3 * 2**20}
    assert "75.0 s, CPU 3.00 s, 3 MiB" in text_of(execution_view(execution(facts=used)))
    assert "CPU" not in text_of(execution_view(execution(facts={**used, "cached_from": 1})))


def test_an_artifact_that_is_gone_says_so() -> None:
    shown = text_of(artifact_view(artifact(3, state=ArtifactState.ABANDONED, size_bytes=5_000)))
    assert "artifact 3: Examples  abandoned" in shown
    assert "5 KiB" in shown


def test_a_run_that_goes_on_has_no_duration() -> None:
    assert run_duration(Run(pipeline="p", run_id="r", state=State.RUNNING, started_at=NOW)) == ""
