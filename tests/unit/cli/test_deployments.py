"""`pipeline serving`: what is live, going back, and what is said of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.cli import serving_views
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings
from unit.cli.command import Command


@pytest.fixture
def pushed(pipeline: Command) -> list[int]:
    """Versions of a model pushed by hand."""
    root = pipeline.folder / ".pipeline/serving"
    target = ServingTarget(ServingSettings(base_path=str(root)), "delays", user="ann")
    versions = []
    for text in ("one", "two"):
        model = pipeline.folder / text
        model.mkdir()
        (model / "saved_model.pb").write_bytes(b"\x08\x01" + text.encode())
        change = target.push(model, origin={}, reason="by hand")
        assert isinstance(change, Change)
        versions.append(change.version)
    return versions


def told(pipeline: Command, *arguments: str) -> Any:
    return json.loads(pipeline("serving", *arguments, "--json"))


def test_status_rollback_history_promote(pipeline: Command, pushed: list[int]) -> None:
    one, two = pushed
    (status,) = told(pipeline, "status")
    assert (status["live"], status["previous"], status["blocked"]) == (two, one, {})
    said = pipeline("serving", "rollback", "delays", "--reason", "too many alarms")
    assert f"version {one} is live again, in place of {two}" in said
    assert f"pipeline serving promote delays {two}" in said
    (status,) = told(pipeline, "status", "delays")
    assert status["versions"] == {str(one): "present", str(two): "withdrawn"}
    assert "was rolled back by" in pipeline("serving", "status")
    (change,) = told(pipeline, "history", "delays")
    assert (change["action"], change["version"], change["reason"]) == ("rollback", one, "too many alarms")
    assert told(pipeline, "history", "--at", datetime.now(UTC).isoformat())[0]["version"] == one
    assert told(pipeline, "promote", "delays", str(two))["version"] == two
    assert "promote" in pipeline("serving", "history")
    assert told(pipeline, "unblock", "delays") == {"unblocked": []}
    assert told(pipeline, "heal") == {"delays": ""}
    assert told(pipeline, "stop") == {"stopped": False}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rollback", "other"], "no model other was pushed"),
        (["unblock", "other"], "no model other was pushed"),
        (["canary", "other", "7"], "no model other was pushed"),
        (["abort", "other"], "no model other was pushed"),
        (["promote", "delays", "7"], "version 7 of delays is not there"),
        (["history", "--at", "yesterday"], "is no time"),
        (["history", "--at", "2001-01-01"], "nothing was live at 2001-01-01"),
        (["unblock", "delays", "--version", "7"], "version 7 of delays is not blocked"),
    ],
)
def test_what_cannot_be_is_explained(
    pipeline: Command, pushed: list[int], arguments: list[str], message: str
) -> None:
    assert pushed
    assert message in pipeline.failing("serving", *arguments)


def test_a_rollback_does_not_wait_for_the_store(pipeline: Command, pushed: list[int]) -> None:
    store = Path(".pipeline/metadata.sqlite")
    store.parent.mkdir(exist_ok=True)
    store.mkdir()  # no database can be opened there
    assert told(pipeline, "rollback", "delays")["version"] == pushed[0]
    store.rmdir()
    assert "1 changes recorded" in pipeline("serving", "heal")
    assert told(pipeline, "history")[0]["action"] == "rollback"


def test_nothing_pushed_is_said(pipeline: Command) -> None:
    assert "no model was pushed yet" in pipeline("serving", "status")
    assert "no push, rollback or promotion is recorded yet" in pipeline("serving", "history")
    assert "no model was pushed yet" in pipeline.failing("serving", "start")
    assert "push one:" in pipeline.failing("serving", "rollback", "delays")
    assert not Path(".pipeline/serving/delays").exists()


@pytest.mark.parametrize("option", ["--model-config-file", "--batching-parameters-file", "--ssl-config-file"])
def test_a_file_that_is_not_there_is_told_of_before_anything_is_loaded(
    pipeline: Command, option: str
) -> None:
    assert "file 'none' does not exist" in pipeline.failing("serve", "--model", "m", option, "none")
    assert "no model was pushed yet" in pipeline.failing("serve")


def test_a_server_that_does_not_answer_is_shown(pipeline: Command, pushed: list[int]) -> None:
    assert pushed
    assert "does not answer" in pipeline("serving", "status", "--server", "http://127.0.0.1:1")
    assert serving_views.status_view([])
