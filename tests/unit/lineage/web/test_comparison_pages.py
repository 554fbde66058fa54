"""Two models side by side."""

from fastapi.testclient import TestClient

from unit.lineage.conftest import Audited


def test_models_and_runs_are_compared(client: TestClient, audited: Audited) -> None:
    first, _, last = audited.made("Model")
    by_id = client.get("/compare", params={"before": first.id, "after": last.id}).text
    by_run = client.get("/compare", params={"before": first.run_id, "after": last.run_id}).text
    for text in (by_id, by_run):
        assert "train.steps" in text
        assert "ingest: it&#39;s 2%.csv" in text


def test_equal_models_differ_in_nothing(client: TestClient, audited: Audited) -> None:
    id_ = audited.made("Model")[0].id
    assert "differ in nothing" in client.get("/compare", params={"before": id_, "after": id_}).text


def test_one_side_alone_is_no_comparison(client: TestClient, audited: Audited) -> None:
    answer = client.get("/compare", params={"before": audited.made("Model")[0].id})
    assert answer.status_code == 200
    assert "<table" not in answer.text
