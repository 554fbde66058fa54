"""The facts of a change: what is recorded on its execution."""

from pipeline_lib.serving.push.change import Change


def test_what_is_not_known_is_left_out() -> None:
    change = Change(
        action="push",
        serving_target="/serving/m",
        model_name="m",
        version=7,
        previous_version=None,
        live_at="2026-11-21T03:12:00.000+00:00",
        reason="pushed by run r",
        user="ann",
    )
    assert change.facts() == {
        "serving_target": "/serving/m",
        "model_name": "m",
        "version": 7,
        "label": "stable",
        "live_at": "2026-11-21T03:12:00.000+00:00",
        "reason": "pushed by run r",
        "user": "ann",
    }
