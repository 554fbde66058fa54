"""Models, impact and serving as pages."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, Run, State, StoredArtifact
from pipeline_lib.metadata.store import Store
from unit.lineage.conftest import Audited
from unit.lineage.web.conftest import artifacts_of, client_of
from unit.lineage.web.html_checks import Page


def test_a_model_is_explained_by_id_version_and_pushed_model(client: TestClient, audited: Audited) -> None:
    model, pushed = audited.made("Model")[0], audited.made("PushedModel")[0]
    pages = [client.get(f"/models/{subject}").text for subject in (model.id, "version:101", pushed.id)]
    assert {f"<h1>Model {model.id}" in page for page in pages} == {True}
    assert "one.csv" in pages[0]
    assert "audited/components.py" in pages[0]
    assert "at least 0.6" in pages[0]
    assert '<th scope="col">Per slice' not in pages[0], "none of its thresholds is for slices"


def test_from_a_version_to_the_file_and_back_in_three_clicks(client: TestClient, audited: Audited) -> None:
    first = client.get("/search", params={"q": "version:102"})
    assert first.status_code == 303
    model = client.get(first.headers["location"]).text
    sha256 = model.partition("/impact?of=file%3A")[2].partition('"')[0]
    assert sha256 in model.partition('id="data"')[2]
    back = client.get(f"/impact?of=file:{sha256}").text
    assert f"/models/{audited.made('Model')[-1].id}" in back


def test_models_are_listed_with_verdict_and_version(client: TestClient) -> None:
    text = client.get("/models").text
    for told in ("blessed", "threshold missed", "101", "102"):
        assert told in text


def test_impact_names_models_and_whether_they_were_pushed(client: TestClient) -> None:
    text = client.get("/impact", params={"of": "span:15857"}).text
    assert text.count("/models/") >= 3
    assert "version 101" in text


@pytest.mark.parametrize("query", ["", "?target=toy", "?target=/served/toy"])
def test_serving_tells_what_is_live_and_what_was(client: TestClient, query: str) -> None:
    text = client.get(f"/serving{query}").text
    assert "version 102" in text
    assert "serving now" in text
    assert "until" in text


def pushed_without_model(store: Store) -> int:
    """A pushed model whose push read no recorded model, as other tools or a half-restored store have it."""
    key = NodeKey(pipeline="flights", run_id="one", node="push")
    store.open_run(Run(pipeline="flights", run_id="one", state=State.COMPLETE))
    new = NewExecution(key=key, type_name="t.push", cache_key="", inputs={}, parameters={}, facts={})
    pushed = NewArtifact(
        type_name="PushedModel",
        uri="/p/1",
        digest="p",
        properties={"pushed": True, "pushed_destination": "/served/lost/7", "pushed_version": "7"},
    )
    return store.complete(store.start(new), key, {"pushed_model": [pushed]}, {})["pushed_model"][0].id


def test_a_pushed_model_whose_model_is_not_recorded_has_no_dead_link(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/metadata.sqlite") as store:
        pushed = pushed_without_model(store)
        with client_of(store, artifacts_of(tmp_path)) as client:
            page = client.get(f"/artifacts/{pushed}").text
            assert "Which model was pushed is not recorded" in page
            assert not [link for link in Page(page).links if link.startswith("/models/")]
            for place in (f"/models/{pushed}", "/models/version:7", "/models/version:7?target=lost"):
                assert client.get(place).headers["location"] == f"/artifacts/{pushed}", place
            assert f'href="/artifacts/{pushed}">version 7' in client.get("/").text
            assert f'href="/artifacts/{pushed}">version 7' in client.get("/serving").text
            found = client.get("/search", params={"q": "version:7"})
            assert found.headers["location"] == f"/artifacts/{pushed}"


def judged_model(store: Store, metrics: list[dict[str, object]]) -> int:
    """A model and the evaluation that it was blessed by, for which bounds were asked as given."""
    store.open_run(Run(pipeline="flights", run_id="one", state=State.COMPLETE))

    def done(node: str, type_name: str, **given: object) -> StoredArtifact:
        key = NodeKey(pipeline="flights", run_id="one", node=node)
        facts = {"type_name": f"t.{node}", "cache_key": "", "inputs": {}, "parameters": {}, "facts": {}}
        new = NewExecution(key=key, **{**facts, **given})  # type: ignore[arg-type]
        made = NewArtifact(type_name=type_name, uri=f"/{node}", digest="d", properties={"blessed": True})
        return store.complete(store.start(new), key, {"made": [made]}, {})["made"][0]

    model = done("train", "Model")
    done("evaluate", "ModelBlessing", inputs={"model": [model]}, parameters={"metrics": metrics})
    return model.id


AUC = {"name": "auc", "at_least": 0.6}
OF_SLICES = [
    {"on": "origin", "at_least": 0.55, "at_most": None},
    {"on": {"columns": ["carrier"], "where": {"city": "<Oslo>"}}, "better_than_baseline_by": -0.01},
]


@pytest.mark.parametrize(
    ("metrics", "heads", "row"),
    [
        pytest.param([AUC], ["Metric", "Over all rows"], ["auc", "at least 0.6"], id="over all rows"),
        pytest.param(
            [AUC | {"per_slice": OF_SLICES}],
            ["Metric", "Over all rows", "Per slice"],
            [
                "auc",
                "at least 0.6",
                "each origin: at least 0.55 each carrier of city &lt;Oslo&gt;: better than baseline by -0.01",
            ],
            id="both",
        ),
        pytest.param(
            [{"name": "auc", "per_slice": OF_SLICES}],
            ["Metric", "Over all rows", "Per slice"],
            [
                "auc",
                "",
                "each origin: at least 0.55 each carrier of city &lt;Oslo&gt;: better than baseline by -0.01",
            ],
            id="of a slice only",
        ),
    ],
)
def test_bounds_are_shown_where_they_were_asked_for(
    tmp_path: Path, metrics: list[dict[str, object]], heads: list[str], row: list[str]
) -> None:
    with open_store(f"sqlite:///{tmp_path}/metadata.sqlite") as store:
        model = judged_model(store, metrics)
        with client_of(store, artifacts_of(tmp_path)) as client:
            table = (
                client.get(f"/models/{model}")
                .text.partition("<caption>Asked for")[2]
                .partition("</table>")[0]
            )
    assert re.findall(r'<th scope="col">(.*?)</th>', table) == heads
    cells = re.findall(r'<t[hd](?: scope="row")?>(.*?)</t[hd]>', table.partition("<tbody>")[2], re.DOTALL)
    assert [" ".join(re.sub("<[^>]*>", " ", cell).split()) for cell in cells] == row
