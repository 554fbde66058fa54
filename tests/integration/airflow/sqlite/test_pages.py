"""Our pages inside of a real Airflow: who may see what, and the links that lead there."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from integration.airflow.client import AirflowClient, quoted
from integration.airflow.site import Site
from integration.airflow.sqlite.reading_rules import USERS
from integration.browser import browser, logged_in, read_frame, served, triggered
from pipeline_lib.metadata.records import ArtifactQuery, RecordQuery, Slice

pytestmark = pytest.mark.xdist_group("airflow")


@dataclass(frozen=True, kw_only=True)
class Viewed:
    site: Site
    tokens: dict[str, str]
    runs: dict[str, str]

    def get(self, path: str, user: str | None = "admin") -> tuple[int, str]:
        """Status and text of a page; redirects are followed, as a browser does."""
        request = urllib.request.Request(f"{self.site.airflow.url}/lineage{path}")
        if user is not None:
            request.add_header("Cookie", f"_token={self.tokens.get(user, user)}")
        try:
            with urllib.request.urlopen(request, timeout=100) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def viewed(site: Site) -> Viewed:
    passwords = json.loads((site.airflow.home / "passwords.json").read_text())
    tokens = {user: AirflowClient.log_in(site.airflow.url, user, passwords[user]).token for user in USERS}
    return Viewed(site=site, tokens=tokens, runs=dict(_runs(site)))


def _runs(site: Site) -> Iterator[tuple[str, str]]:
    source = site.number("7")
    conf: dict[str, dict[str, Any]] = {
        "chain": {"source": source},
        "audited": {
            "source": source,
            "span": 15857,
            "base": str(site.folder / "served"),
            "version": "101",
        },
    }
    started = {dag: site.client.trigger(dag, given) for dag, given in conf.items()}
    for dag, run in started.items():
        assert site.client.wait(dag, run, 240) == "success", site.client.states(dag, run)
        yield dag, run


def places(viewed: Viewed, dag: str) -> list[str]:
    """Every page there is about one DAG's run."""
    run, store = viewed.runs[dag], viewed.site.store
    executions = store.list_executions(RecordQuery(run_id=f"{dag}.{run}"), Slice())
    artifacts = store.artifacts(ArtifactQuery(pipeline=dag))
    models = [artifact.id for artifact in artifacts if artifact.type_name == "Model"]
    return [
        f"/runs/{quoted(f'{dag}.{run}')}",
        *(f"/executions/{one.id}{more}" for one in executions[:2] for more in ("", "/lineage")),
        *(f"/artifacts/{one.id}{more}" for one in artifacts[:2] for more in ("", "/lineage")),
        f"/artifacts/{artifacts[-1].id}/lineage?direction=down",
        f"/impact?of=artifact:{artifacts[-1].id}",
        f"/airflow/run?dag={dag}&run={quoted(run)}",
        *(f"/models/{id_}" for id_ in models),
        *(f"/compare?before={id_}&after={id_}" for id_ in models),
    ]


LISTS = ("/", "/runs", "/runs?pipeline=chain", "/artifacts", "/models", "/serving", "/search?q=runs")
LISTS += ("/search?q=executions", "/search?q=pipeline:chain", "/compare", "/impact", "/static/style.css")


@pytest.mark.parametrize("user", [None, "not.a.token", "admin", "vera", "audrey", "nadia"])
def test_a_user_sees_what_airflow_lets_them_read(viewed: Viewed, user: str | None) -> None:
    told = {dag: [viewed.get(place, user) for place in places(viewed, dag)] for dag in viewed.runs}
    lists = [viewed.get(place, user) for place in LISTS]
    if user in (None, "not.a.token"):
        refusal = 401 if user is None else 403
        assert {status for answers in (*told.values(), lists) for status, _ in answers} == {refusal}
    else:
        readable = {"audrey": {"audited"}, "nadia": set()}.get(str(user), set(viewed.runs))
        for dag, answers in told.items():
            assert {status for status, _ in answers} == ({200} if dag in readable else {404})
        assert {status for status, _ in lists} == {200}
        shown = "".join(text for _, text in lists)
        assert {dag for dag in viewed.runs if f"{dag}.{viewed.runs[dag]}" in shown} == readable
    pages = "".join(text for answers in (*told.values(), lists) for _, text in answers)
    if user in (None, "not.a.token", "nadia"):
        assert "ingest" not in pages
        assert "plus" not in pages


def test_what_is_hidden_cannot_be_told_from_what_is_not_there(viewed: Viewed) -> None:
    (hidden,) = viewed.site.store.artifacts(ArtifactQuery(pipeline="chain", limit=1))
    seen = viewed.get(f"/artifacts/{hidden.id}", "audrey")
    absent = viewed.get("/artifacts/99999", "audrey")
    assert seen[0] == absent[0] == 404
    assert re.sub(rf"(?<![\w-]){hidden.id}\b", "N", seen[1]) == absent[1].replace("99999", "N")


def test_nothing_is_written_by_looking(viewed: Viewed) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        request = urllib.request.Request(f"{viewed.site.airflow.url}/lineage/runs", method=method)
        request.add_header("Cookie", f"_token={viewed.tokens['admin']}")
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(request, timeout=100)


def test_a_task_links_to_its_pages(viewed: Viewed) -> None:
    client, run = viewed.site.client, viewed.runs["chain"]
    links = client.get(f"dags/chain/dagRuns/{quoted(run)}/taskInstances/add/links")["extra_links"]
    (execution,) = viewed.site.executions(f"chain.{run}", "add")
    inside = "/plugin/pipelines/lineage"
    assert links["Execution"] == f"{inside}/executions/{execution.id}"
    assert links["Lineage"] == f"{inside}/executions/{execution.id}/lineage"
    assert not links["Cached from"]
    for link in filter(None, links.values()):
        status, text = viewed.get(link.removeprefix(inside))
        assert (status, "<h1" in text) == (200, True)


def test_a_cleared_run_shows_the_latest_run_of_it_and_where_it_was_cached_from(viewed: Viewed) -> None:
    client, run = viewed.site.client, viewed.runs["chain"]
    client.post(f"dags/chain/dagRuns/{quoted(run)}/clear", {"dry_run": False})
    assert client.wait("chain", run, 240) == "success"
    status, text = viewed.get(f"/airflow/run?dag=chain&run={quoted(run)}")
    assert (status, f"chain.{run}.2" in text) == (200, True)
    links = client.get(f"dags/chain/dagRuns/{quoted(run)}/taskInstances/add/links")["extra_links"]
    (first,) = viewed.site.executions(f"chain.{run}", "add")
    assert links["Cached from"] == f"/plugin/pipelines/lineage/executions/{first.id}"
    status, text = viewed.get(f"/airflow/task?dag=chain&run={quoted(run)}&task=add&map_index={{MAP_INDEX}}")
    assert status == 200
    assert re.search(r'class="state s-cached">cached', text)
    (task,) = [task for task in client.tasks("chain", run) if task["task_id"] == "add"]
    assert task["rendered_fields"]["outcome"] == "cached"


def test_the_views_are_in_the_ui(viewed: Viewed) -> None:
    (plugin,) = [one for one in viewed.site.client.get("plugins")["plugins"] if one["name"] == "pipelines"]
    views = {view["destination"]: view for view in plugin["external_views"]}
    assert sorted(views) == ["dag", "dag_run", "nav", "task_instance"]
    assert [app["url_prefix"] for app in plugin["fastapi_apps"]] == ["/lineage"]
    assert not viewed.site.client.get("plugins/importErrors")["import_errors"]


@pytest.mark.system
@pytest.mark.timeout(600)
def test_a_person_triggers_a_run_and_follows_its_links(viewed: Viewed) -> None:
    site = viewed.site
    source = site.folder / "rows.txt"
    source.write_text("one\ntwo\nthree\n")
    with browser() as chromium, logged_in(chromium, site.airflow.url, "admin", site.airflow.password) as page:
        run = triggered(page, site.airflow.url, "reported", source=str(source), times="2")
        assert site.client.wait("reported", run, 240) == "success"

        page.goto(f"{site.airflow.url}/dags/reported/runs/{quoted(run)}")
        page.get_by_label("Graph", exact=False).first.click()
        page.locator(".react-flow__node", has_text="count").first.wait_for()

        page.goto(f"{site.airflow.url}/dags/reported/runs/{quoted(run)}/tasks/count/details")
        assert page.get_by_role("link", name="Cached from").count() == 0
        page.get_by_role("link", name="Report", exact=True).click()
        page.wait_for_url("**/plugin/pipelines/lineage/artifacts/*")
        ours = read_frame(page)
        ours.get_by_role("heading", name="ExampleStatistics").wait_for()
        ours.frame_locator("iframe").get_by_role("heading", name="6 rows were counted").wait_for()

        ours.get_by_role("link", name="Where it comes from").click()
        ours.locator("svg .card .name", has_text="read").wait_for()
        assert page.url.endswith("/lineage"), (
            "an address inside of the frame is one that can be sent to others"
        )

        page.goto(f"{site.airflow.url}/dags/reported/runs/{quoted(run)}/tasks/count/plugin/pipeline-task")
        read_frame(page).get_by_role("heading", name="count complete").wait_for()
        page.goto(f"{site.airflow.url}/dags/reported/runs/{quoted(run)}/plugin/pipeline-run")
        read_frame(page).get_by_role("link", name="count", exact=True).wait_for()
        page.goto(f"{site.airflow.url}/dags/reported/runs/{quoted(run)}/tasks/count/rendered_templates")
        page.get_by_text("complete", exact=True).first.wait_for()


@pytest.mark.system
def test_the_pages_stand_alone(viewed: Viewed) -> None:
    with served(viewed.site.folder, "airflow") as address, browser() as chromium:
        page = chromium.new_page(color_scheme="dark")
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(address)
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main", (
            "the first key skips what is on every page"
        )
        page.get_by_role("searchbox").first.fill("version:101")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Model").wait_for()
        page.emulate_media(color_scheme="light", media="print")
        assert page.get_by_role("navigation", name="Main").is_hidden()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": 360, "height": 800})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, "a telephone has to scroll one way only"
        assert complaints == []
