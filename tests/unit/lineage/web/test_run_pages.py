"""Runs and executions as pages."""

from urllib.parse import quote

from fastapi.testclient import TestClient

from unit.lineage.conftest import Audited
from unit.lineage.web.conftest import Attacked


def test_a_run_shows_its_nodes_twice(client: TestClient, audited: Audited) -> None:
    run = audited.made("Model")[0].run_id
    text = client.get(f"/runs/{quote(run)}").text
    for node in ("ingest", "train", "judge", "serve"):
        assert '<text class="name"' in text
        assert text.count(f">{node}<") == 2, node
    assert "complete" in text


def test_an_execution_shows_ports_parameters_and_code(client: TestClient, audited: Audited) -> None:
    (train, *_) = audited.store.producers([audited.made("Model")[0].id])
    text = client.get(f"/executions/{train.id}").text
    assert f"/models/{audited.made('Model')[0].id}" in text
    assert "steps" in text
    assert train.cache_key in text
    assert "audited/components.py" in text


def test_a_run_is_found_whatever_its_id_holds(attacked: Attacked) -> None:
    answer = attacked.client.get(f"/runs/{quote(attacked.run_id, safe='')}")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
