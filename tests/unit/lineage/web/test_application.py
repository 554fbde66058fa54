"""Every page of a store, as a browser, a screen reader and an attacker find it."""

import pytest
from fastapi.testclient import TestClient

from unit.lineage.conftest import Audited, Counting
from unit.lineage.web.conftest import ATTACK, Attacked
from unit.lineage.web.html_checks import FIRST, Page, crawl


def test_every_link_leads_somewhere_and_every_page_can_be_read_by_all(client: TestClient) -> None:
    kinds = set()
    for place, text in crawl(client):
        page = Page(text)
        assert page.problems == [], place
        assert page.headings.count(1) == 1, place
        assert page.landmarks == {"main", "header", "nav", "footer"}, place
        kinds.add(place.split("/")[1].partition("?")[0])
    assert kinds >= {"runs", "models", "artifacts", "executions", "serving", "compare", "impact", "search"}


def test_names_and_values_are_never_markup(attacked: Attacked) -> None:
    for place, text in crawl(attacked.client):
        if "/reports/" not in place:
            assert "<script>alert" not in text, place
            assert Page(text).problems == [], place


@pytest.mark.parametrize("place", FIRST)
def test_queries_are_never_markup(client: TestClient, place: str) -> None:
    path = place.partition("?")[0]
    for name in (
        "q",
        "pipeline",
        "state",
        "type",
        "node",
        "span",
        "of",
        "before",
        "after",
        "target",
        "cursor",
    ):
        answer = client.get(path, params={name: ATTACK})
        assert answer.status_code in (200, 400, 404), (path, name)
        assert "<script>alert" not in answer.text


INJECTIONS = ("' OR 1=1 --", "x' AND id > 0", "a\0b", "%' LIKE '%", "\\", "🦆", "()" * 200, "1e999", "-1")


@pytest.mark.parametrize("text", INJECTIONS)
def test_nothing_reaches_a_query_as_code(client: TestClient, text: str) -> None:
    for path, name in (
        ("/runs", "pipeline"),
        ("/runs", "span"),
        ("/runs", "state"),
        ("/artifacts", "type"),
        ("/artifacts", "node"),
        ("/search", "q"),
        ("/impact", "of"),
        ("/serving", "target"),
        ("/compare", "before"),
        ("/models", "cursor"),
    ):
        answer = client.get(path, params={name: text})
        assert answer.status_code in (200, 303, 400, 404, 422), (path, name, answer.text)
        assert "Model 10" not in answer.text


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("/nothing", 404),
        ("/runs/nothing", 404),
        ("/executions/99999", 404),
        ("/executions/0", 404),
        ("/executions/99999999999999999999999", 404),
        ("/executions/x", 422),
        ("/artifacts/99999", 404),
        ("/artifacts/-1", 404),
        ("/artifacts/99999/lineage", 404),
        ("/models/99999", 404),
        ("/models/none", 400),
        ("/models/version:none", 404),
        ("/impact?of=file:nothing", 404),
        ("/impact?of=span:nothing", 400),
        ("/compare?before=99999&after=1", 404),
        ("/serving?target=nothing", 404),
        ("/runs?cursor=nothing", 400),
        ("/artifacts/1/lineage?direction=sideways", 422),
        ("/static/nothing.css", 404),
        ("/static/..%2Fvisitor.py", 404),
    ],
)
def test_what_is_not_there_is_told_as_a_page(client: TestClient, place: str, status: int) -> None:
    answer = client.get(place)
    assert answer.status_code == status
    assert Page(answer.text).headings == [1]
    assert "Traceback" not in answer.text


def test_answers_forbid_what_they_do_not_need(client: TestClient) -> None:
    for place in ("/", "/nothing", "/static/style.css"):
        headers = client.get(place).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/docs").status_code == client.get("/openapi.json").status_code == 404


@pytest.mark.parametrize(
    ("place", "most"),
    [
        ("/", 8),
        ("/runs", 1),
        ("/artifacts", 1),
        ("/models", 2),
        ("/search?q=Model", 2),
        ("/serving", 5),
        ("/runs/{run}", 2),
        ("/executions/1", 1),
        ("/artifacts/1", 3),
        ("/artifacts/{model}/lineage", 6),
        ("/models/{model}", 10),
        ("/compare?before={model}&after={model}", 22),
        ("/impact?of=span:15857", 16),
    ],
)
def test_a_page_asks_the_store_a_bounded_number_of_times(
    counted: tuple[TestClient, Counting], audited: Audited, place: str, most: int
) -> None:
    client, store = counted
    model = audited.made("Model")[-1]
    answer = client.get(place.format(model=model.id, run=model.run_id))
    assert answer.status_code == 200
    assert sum(store.calls.values()) <= most, store.calls
