"""What is live, as people read it."""

from rich.console import Console

from pipeline_lib.cli.serving_views import history_view, status_view


def drawn(view: object) -> str:
    console = Console(width=200, record=True, file=None)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


def test_what_is_not_as_it_should_be_is_said() -> None:
    model = {
        "model": "m",
        "serving_target": "/serving/m",
        "live": 7,
        "live_at": "2026-11-21T03:12:00.000+00:00",
        "labels": {"stable": 7, "canary": 8},
        "previous": 6,
        "blocked": {9: {"user": "ann", "reason": "bad"}},
        "interrupted": {"action": "push", "version": 10},
        "servers": {"a:1": {7: "AVAILABLE"}, "b:1": {"error": "the model server does not answer"}},
    }
    text = drawn(status_view([model]))
    for part in (
        "2026-11-21 03:12:00 UTC",
        "a:1: 7 AVAILABLE; b:1: the model server does not answer",
        "version 9 was rolled back by ann: bad",
        "a push of version 10 did not end",
        "canary is version 8",
    ):
        assert part in text


def test_nothing_is_said_too() -> None:
    assert "no model was pushed yet" in drawn(status_view([]))
    assert "no push, rollback or promotion is recorded yet" in drawn(history_view([]))
