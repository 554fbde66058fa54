"""What a task links to."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline_lib.airflow.links import LINKS, CachedFromLink, ReportLink, pages_of
from pipeline_lib.airflow.operators import NodeOperator
from pipeline_lib.artifacts.manifest import FileEntry, Manifest
from pipeline_lib.errors import MissingPayloadError
from pipeline_lib.metadata.records import NodeKey, StoredArtifact
from pipeline_lib.runtime.results import NodeResult, Outcome

KEY = NodeKey(pipeline="p", run_id="r", node="n")


def session_of(files: dict[str, tuple[str, ...]], cached_from: int | None = None) -> Any:
    """A session in which artifacts have these files by uri; it stands in for a store of runs in Airflow."""

    def manifest(uri: str, digest: str) -> Manifest:
        if uri not in files:
            raise MissingPayloadError("gone", at=uri, fix="-")
        entries = tuple(FileEntry(path=path, size=1, sha256="0" * 64) for path in files[uri])
        return Manifest(type_name="T", properties={}, files=entries)

    recorded = SimpleNamespace(facts={"cached_from": cached_from} if cached_from else {})
    return SimpleNamespace(
        artifacts=SimpleNamespace(manifest=manifest), store=SimpleNamespace(execution=lambda _: recorded)
    )


def result_of(*uris: str, **changes: Any) -> NodeResult:
    made = tuple(
        StoredArtifact(id=number, type_name="T", uri=uri, digest="", created_at=None)  # type: ignore[arg-type]
        for number, uri in enumerate(uris, start=1)
    )
    whole = NodeResult(key=KEY, outcome=Outcome.COMPLETE, outputs={"o": made} if made else {}, execution_id=5)
    return replace(whole, **changes)


def test_the_first_report_is_linked() -> None:
    session = session_of({"/a": ("model.pb",), "/b": ("report.html", "x")})
    assert pages_of(session, result_of("/gone", "/a", "/b")) == {
        "execution": "/executions/5",
        "lineage": "/executions/5/lineage",
        "report": "/artifacts/3#report",
    }


def test_a_cached_node_leads_to_where_it_was_made() -> None:
    result = result_of("/a", outcome=Outcome.CACHED)
    assert pages_of(session_of({"/a": ()}, cached_from=2), result)["cached"] == "/executions/2"


def test_what_was_not_executed_has_no_pages() -> None:
    assert pages_of(session_of({}), result_of(execution_id=None, outcome=Outcome.SKIPPED)) == {}
    assert pages_of(session_of({}), result_of(outcome=Outcome.FAILED)) == {"execution": "/executions/5"}


def test_links_stay_inside_of_airflows_ui(monkeypatch: pytest.MonkeyPatch) -> None:
    task = NodeOperator(task_id="n", node="n")
    assert {link.get_link(task, ti_key=None) for link in LINKS} == {""}
    task.pages = {"report": "/artifacts/3#report"}
    assert ReportLink().get_link(task, ti_key=None) == "/plugin/pipelines/lineage/artifacts/3#report"
    assert CachedFromLink().get_link(task, ti_key=None) == ""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.org/airflow/")
    assert ReportLink().get_link(task, ti_key=None).startswith("/airflow/plugin/pipelines/")


def test_names_and_keys_are_distinct() -> None:
    assert len({link.name for link in LINKS}) == len({link.xcom_key for link in LINKS}) == len(LINKS)
