"""A request says where everything is, whatever the directory of the one who reads it."""

import os
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.runtime.preparation import prepare
from pipeline_lib.runtime.requests import request_of
from unit.runtime.toy_runs import node_of, scope_of, toy_plan, toy_profile


def test_places_are_absolute_and_the_node_is_named(
    tmp_path: Path, number: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, profile = toy_plan("chain"), toy_profile(tmp_path)
    key = NodeKey(pipeline="chain", run_id="run-1", node="read")
    prepared = prepare(node_of(plan, "read"), key, scope_of(plan, number), profile)
    monkeypatch.chdir(tmp_path)
    near = profile.model_copy(update={"state_dir": Path("state"), "import_paths": (Path("toys"),)})
    request = request_of(
        prepared, near, "2026-01-01", 7, staging=tmp_path / "staging", log=tmp_path / "logs" / "read.log"
    )
    places = [request.kept, request.artifact_cache, request.staging, *request.import_paths]
    assert [os.path.relpath(place, tmp_path) for place in places if place is not None] == [
        "logs/read",
        "state/artifact-cache",
        "staging",
        "toys",
    ]
    assert {name: request.context[name] for name in ("run_id", "node", "execution_id", "span")} == {
        "run_id": "run-1",
        "node": "read",
        "execution_id": 7,
        "span": "2026-01-01",
    }
    assert request.parameters["text"] == "7"
    assert set(request.sources) == set(prepared.sources)
