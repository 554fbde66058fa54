"""Artifacts as pages."""

import pytest
from fastapi.testclient import TestClient

from unit.lineage.conftest import Audited
from unit.lineage.web.conftest import REPORT, Attacked


def test_an_artifact_tells_files_makers_and_users(client: TestClient, audited: Audited) -> None:
    model = audited.made("Model")[0]
    text = client.get(f"/artifacts/{model.id}").text
    assert "weights.txt" in text
    assert model.digest in text
    assert ">train<" in text
    assert ">judge<" in text


@pytest.mark.parametrize(
    ("direction", "there", "absent"), [("up", ">ingest<", ">serve<"), ("down", ">serve<", ">ingest<")]
)
def test_lineage_goes_one_way(
    client: TestClient, audited: Audited, direction: str, there: str, absent: str
) -> None:
    model = audited.made("Model")[0]
    text = client.get(f"/artifacts/{model.id}/lineage?direction={direction}").text
    assert there in text
    assert absent not in text


def test_lineage_of_an_execution_is_that_of_its_outputs(client: TestClient, audited: Audited) -> None:
    (train, *_) = audited.store.producers([audited.made("Model")[0].id])
    assert ">ingest<" in client.get(f"/executions/{train.id}/lineage").text


def test_a_report_is_framed_so_that_it_can_do_nothing(attacked: Attacked) -> None:
    page = attacked.client.get(f"/artifacts/{attacked.artifact_id}").text
    place = f"/artifacts/{attacked.artifact_id}/reports/report.html"
    assert f'sandbox src="{place}"' in page
    answer = attacked.client.get(place)
    assert answer.content == REPORT
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    "path",
    [
        "more/secret.txt",
        ".manifest.json",
        "../../../../metadata.sqlite",
        "..%2F..%2F..%2Fmetadata.sqlite",
        "%2Fetc%2Fpasswd",
        "/etc/passwd",
        "report.html%00",
        "more/../report.html",
        "",
    ],
)
def test_nothing_but_reports_is_ever_read(attacked: Attacked, path: str) -> None:
    answer = attacked.client.get(f"/artifacts/{attacked.artifact_id}/reports/{path}")
    assert answer.status_code in (404, 422) or (answer.content == REPORT and path.endswith("report.html"))
    assert b"not for show" not in answer.content
