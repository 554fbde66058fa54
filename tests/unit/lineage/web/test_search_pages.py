"""Lists and search."""

import re
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from pipeline_lib.lineage.web import search_pages
from unit.lineage.conftest import Audited


def test_the_front_page_tells_what_serves(client: TestClient, audited: Audited) -> None:
    text = client.get("/").text
    assert "version 102" in text
    assert audited.made("Model")[-1].run_id in text


def test_pages_of_a_list_hold_everything_once(
    client: TestClient, audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_pages, "_SIZE", 2)
    place, seen = "/artifacts?type=Examples", []
    for _ in range(9):
        text = client.get(place).text
        seen += re.findall(r'href="/artifacts/(\d+)">Examples', text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        if following is None:
            break
        place = following[1].replace("&amp;", "&")
    expected = [str(one.id) for one in reversed(audited.made("Examples"))]
    assert seen == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{model}", "/models/{model}"),
        ("artifact:{examples}", "/artifacts/{examples}"),
        ("{examples}", "/artifacts/{examples}"),
        ("version:101", "/models/{model}"),
        ("101", "/models/{model}"),
        ("{run}", "/runs/{run}"),
        ("execution:1", "/executions/1"),
        ("file:one.csv", "/impact?of=file%3Aone.csv"),
        ("span:15857", "/impact?of=span%3A15857"),
    ],
)
def test_what_names_one_thing_leads_to_its_page(
    client: TestClient, audited: Audited, text: str, place: str
) -> None:
    model = audited.made("Model")[0]
    named = {"model": model.id, "examples": audited.made("Examples")[0].id, "run": model.run_id}
    answer = client.get("/search", params={"q": text.format(**named)})
    assert answer.status_code == 303
    assert answer.headers["location"] == place.format(**{**named, "run": quote(model.run_id)})


def test_a_query_finds_and_a_wrong_one_says_what_is_wrong(client: TestClient) -> None:
    assert client.get("/search", params={"q": "Model pipeline:audited"}).text.count("/models/") >= 3
    wrong = client.get("/search", params={"q": "state:flying"})
    assert wrong.status_code == 200
    assert 'role="alert"' in wrong.text


@pytest.mark.parametrize(
    "place", ["/runs?state=complete&pipeline=audited", "/artifacts?node=train&type=Model&state=live"]
)
def test_filters_restrict_and_are_kept_in_the_form(client: TestClient, place: str) -> None:
    text = client.get(place).text
    assert " selected>" in text
    assert "No run matches" not in text
    assert "No artifact matches" not in text
