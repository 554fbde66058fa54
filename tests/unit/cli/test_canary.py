"""`pipeline serving canary` and `abort`, without servers and without nginx."""

import json
from pathlib import Path

import pytest

from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings
from unit.cli.command import Command


@pytest.fixture
def older(pipeline: Command, monkeypatch: pytest.MonkeyPatch) -> int:
    """The version before the live one, of a model whose servers follow the base path."""
    target = ServingTarget(ServingSettings(base_path=str(pipeline.folder / ".pipeline/serving")), "delays")
    for text in ("one", "two"):
        model = pipeline.folder / text
        model.mkdir()
        (model / "saved_model.pb").write_bytes(b"\x08\x01" + text.encode())
        target.push(model, origin={})
    monkeypatch.setenv("PIPELINE_SERVING__REPLICAS", '[{"rest": "http://127.0.0.1:1"}]')
    monkeypatch.setenv("PIPELINE_SERVING__CONTROL", "follow")
    monkeypatch.setenv("PIPELINE_SERVING__PROXY__COMMAND", "true")
    monkeypatch.setenv("PIPELINE_SERVING__PROXY__CANARY", '["127.0.0.1:2"]')
    previous = target.ledger().previous
    assert previous is not None
    return previous


def test_canary_and_abort(pipeline: Command, older: int) -> None:
    said = pipeline("serving", "canary", "delays", str(older), "--traffic", "5", "--reason", "try it")
    assert f"delays: version {older} gets 5 % of the traffic" in said
    assert json.loads((Path(".pipeline/proxy/routes.json")).read_text())[0]["traffic"] == 5
    said = pipeline("serving", "abort", "delays")
    assert "all traffic is on version" in said
    (abort, canary) = json.loads(pipeline("serving", "history", "delays", "--json"))
    assert (abort["action"], canary["action"], canary["traffic"]) == ("abort", "canary", 5.0)
    assert "has no canary" in pipeline.failing("serving", "abort", "delays")


def test_a_canary_that_nobody_asks_is_taken_back(pipeline: Command, older: int) -> None:
    said = pipeline.failing("serving", "canary", "delays", str(older), "--watch", "0.01")
    assert "PL814" in said
    assert "0 of 100 requests so far" in said
    assert json.loads((Path(".pipeline/proxy/routes.json")).read_text())[0]["traffic"] == 0
