"""An auditor before a served flight model: from its version to the files and the commit, and back again."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from e2e.conftest import CHANGE, DAYS, Project, output
from pipeline_lib.artifacts.store import open_artifact_store
from pipeline_lib.lineage.web.standalone import standalone_application
from pipeline_lib.metadata.database import connection_config, parse_database
from pipeline_lib.metadata.mlmd import open_store
from unit.lineage.web.html_checks import Page, crawl

pytestmark = [pytest.mark.xdist_group("flights"), pytest.mark.timeout(600)]  # the first one runs two nights


def spans(days: list[date]) -> list[int]:
    return [(day - date(1970, 1, 1)).days for day in days]


def landed(project: Project, days: list[date]) -> set[tuple[str, str]]:
    """Names and hashes of the files that the nights of these days read, as they lie on the disk."""
    files = [
        project.folder / f".pipeline/data/{kind}/{day}.csv" for kind in ("flights", "weather") for day in days
    ]
    files.append(project.folder / "dags/flight_delays/schema.pbtxt")
    return {(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files}


def version_of(night: dict[str, Any]) -> str:
    return str(output(night, "push", "pushed_model")["properties"]["pushed_version"])


@pytest.fixture(scope="module")
def explained(project: Project, first_night: dict[str, Any], next_night: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = project.json("lineage", "explain", version_of(first_night))
    return found


def test_the_data_are_the_files_on_the_disk(project: Project, explained: dict[str, Any]) -> None:
    assert explained["spans"] == spans(DAYS[:3])
    assert {(Path(file["name"]).name, file["sha256"]) for file in explained["files"]} == landed(
        project, DAYS[:3]
    )
    sizes = {
        Path(file["name"]).name: file["size_bytes"]
        for file in explained["files"]
        if file["node"] == "ingest_flights"
    }
    flights = project.folder / ".pipeline/data/flights"
    assert sizes == {f"{day}.csv": (flights / f"{day}.csv").stat().st_size for day in DAYS[:3]}


def test_the_schema_is_named_with_its_content(project: Project, explained: dict[str, Any]) -> None:
    (schema,) = explained["schemas"]
    assert schema["digest"] == project.json("artifacts", "Schema")[0]["digest"]


def test_the_code_is_the_commit_and_what_differed_from_it(
    project: Project, explained: dict[str, Any]
) -> None:
    code = explained["code"]
    assert code["commits"] == {project.head: True}
    (diff,) = code["diffs"]
    assert (diff["commit"], CHANGE.strip() in diff["text"]) == (project.head, True)
    features = project.folder / "dags/flight_delays/features.py"
    digests = [digest for name, digest in code["files"].items() if name.endswith("flight_delays/features.py")]
    assert digests == [hashlib.sha256(features.read_bytes()).hexdigest()]
    assert "tensorflow-transform" in code["distributions"]


def test_the_environment_is_that_of_the_run(project: Project, explained: dict[str, Any]) -> None:
    shown = project.json("show", explained["model"]["run_id"])
    assert {one["facts"]["environment_digest"] for one in shown["executions"]} >= set(
        explained["code"]["environments"]
    )
    assert explained["code"]["environments"]


def test_the_parameters_are_those_that_were_given(explained: dict[str, Any]) -> None:
    assert explained["parameters"]["train"]["train_steps"] == 150
    assert explained["parameters"]["train"]["batch_size"] == 256


def test_the_metrics_have_slices_and_their_bounds(explained: dict[str, Any]) -> None:
    evaluation = explained["evaluations"][0]
    slices = {one["slice"]: one for one in evaluation["slices"]}
    assert {"origin=EWR", "carrier=UA"} <= set(slices)
    assert {"auc", "binary_accuracy", "calibration", "example_count"} <= set(slices["origin=EWR"]["metrics"])
    (whole,) = [one for one in evaluation["slices"] if one["bounds"]]
    assert {(bound["metric"], bound["met"]) for bound in whole["bounds"]} == {
        ("auc", True),
        ("binary_accuracy", True),
    }
    (judgement,) = explained["judgements"]
    asked = {one["name"]: one["at_least"] for one in judgement["thresholds"] if one["at_least"] is not None}
    assert (judgement["blessed"], asked) == (True, {"auc": 0.6, "binary_accuracy": 0.6})


def test_what_replaced_it_and_when_is_told(
    explained: dict[str, Any], first_night: dict[str, Any], next_night: dict[str, Any]
) -> None:
    push = explained["pushes"][0]
    assert push["version"] == version_of(first_night)
    (period, *_) = push["live"]
    assert period["since"] < period["until"]
    assert period["replaced_by"] == version_of(next_night)
    assert explained["approvals"] == explained["missing"] == []


def test_what_served_at_a_time_is_the_model_of_then(project: Project, explained: dict[str, Any]) -> None:
    since = explained["pushes"][0]["live"][0]["since"]
    found = project.json("lineage", "explain", "--at", since, "--target", "flight-delays")
    assert found["model"]["id"] == explained["model"]["id"]


@pytest.mark.parametrize("kind", ["name", "sha256", "span", "column"])
def test_back_from_a_file_a_span_and_a_column(
    project: Project, explained: dict[str, Any], next_night: dict[str, Any], kind: str
) -> None:
    of_day = [one for one in explained["files"] if one["name"].endswith(f"{DAYS[1]}.csv")]
    (file,) = [one for one in of_day if one["node"] == "ingest_flights"]
    subject = {
        "name": f"file:{Path(file['name']).name}",
        "sha256": file["sha256"],
        "span": f"span:{DAYS[1]}",
        "column": "column:carrier",
    }[kind]
    reached = project.json("lineage", "impact", subject)["models"]
    models = {one["model"]["id"]: one["live_on"] for one in reached}
    assert models[explained["model"]["id"]] == []
    served = models[output(next_night, "train", "model")["id"]]
    assert [Path(target).name for target in served] == ["flight-delays"]


def test_two_nights_differ_by_what_came_in(
    project: Project, first_night: dict[str, Any], next_night: dict[str, Any]
) -> None:
    found = project.json("lineage", "diff", version_of(first_night), version_of(next_night))
    new = {Path(one["what"]).name.rpartition(" ")[2] for one in found["data"] if one["before"] is None}
    assert new == {f"{DAYS[3]}.csv"}
    assert found["code"] == found["environment"] == []
    assert any(change["what"].startswith("origin=") for change in found["metrics"])


# --- the same as pages -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages(project: Project, next_night: dict[str, Any]) -> Iterator[TestClient]:
    root = project.folder / ".pipeline"
    artifacts = open_artifact_store(str(root / "artifacts"), cache_dir=root / "artifact-cache")
    with open_store(f"sqlite:///{root}/metadata.sqlite") as store:
        application = standalone_application(store, artifacts, token=None)
        with TestClient(application, base_url="http://localhost") as client:
            yield client


def test_from_what_serves_to_the_files_and_back_in_three_clicks(
    project: Project, pages: TestClient, next_night: dict[str, Any]
) -> None:
    model = output(next_night, "train", "model")["id"]
    (first,) = {link for link in Page(pages.get("/").text).links if link == f"/models/{model}"}
    text = pages.get(first).text
    assert '<th scope="col">Per slice' not in text, "none of its thresholds is for slices"
    for name, sha256 in landed(project, DAYS):
        assert name in text
        assert sha256 in text
    assert project.head in text
    oldest = hashlib.sha256((project.folder / f".pipeline/data/flights/{DAYS[0]}.csv").read_bytes())
    (second,) = [link for link in Page(text).links if f"file%3A{oldest.hexdigest()}" in link]
    assert f"/models/{model}" in Page(pages.get(second).text).links


def test_every_page_of_two_nights_can_be_reached_and_read_by_all(pages: TestClient) -> None:
    kinds = set()
    for place, text in crawl(pages, most=400):
        if "/reports/" not in place:
            assert Page(text).problems == [], place
        kinds.add("reports" if "/reports/" in place else place.split("/")[1].partition("?")[0])
    assert kinds >= {"runs", "models", "artifacts", "executions", "serving", "compare", "impact", "reports"}


# --- a report, and other tools --------------------------------------------------------------------------


def test_a_report_can_be_checked_and_a_changed_byte_is_found(
    project: Project, first_night: dict[str, Any], next_night: dict[str, Any]
) -> None:
    key = project.folder / "audit.pem"
    project.pipeline("audit", "key", str(key))
    project.environment["PIPELINE_AUDIT__KEY"] = f"file:{key}"
    files = [Path(name) for name in project.json("audit", version_of(first_night), "-o", "reports")["files"]]
    for file in files:
        path = project.folder / file
        assert project.json("audit", "verify", str(file))["key"]
        content = path.read_bytes()
        place = content.index(project.head.encode())
        path.write_bytes(content[:place] + b"0" * 40 + content[place + 40 :])
        assert "was changed after it was signed" in project.pipeline("audit", "verify", str(file), code=2)
        path.write_bytes(content)
    (told,) = [json.loads((project.folder / file).read_bytes()) for file in files if file.suffix == ".json"]
    assert {(Path(one["name"]).name, one["sha256"]) for one in told["report"]["data"]["files"]} == landed(
        project, DAYS[:3]
    )


@pytest.fixture(scope="module")
def foreign(project: Project, next_night: dict[str, Any]) -> metadata_store.MetadataStore:
    """ML Metadata's own client, as other tools open the store."""
    url = f"sqlite:///{project.folder}/.pipeline/metadata.sqlite"
    return metadata_store.MetadataStore(connection_config(parse_database(url)))


def test_ml_metadatas_own_client_reads_everything(foreign: metadata_store.MetadataStore) -> None:
    artifacts = {one.id: one for one in foreign.get_artifacts()}
    executions = {one.id: one for one in foreign.get_executions()}
    contexts = {one.id: one for one in foreign.get_contexts()}
    events = foreign.get_events_by_execution_ids(list(executions))
    assert {event.artifact_id for event in events} == set(artifacts)
    assert {event.execution_id for event in events} | {
        one.id for one in executions.values() if one.last_known_state != pb.Execution.COMPLETE
    } == set(executions)
    for event in events:
        kinds = [step.WhichOneof("value") for step in event.path.steps]
        assert kinds == ["key", "index"] * (len(kinds) // 2)
        assert kinds
    for one in (*artifacts.values(), *executions.values(), *contexts.values()):
        assert one.type
        assert one.create_time_since_epoch
    declared = {one.name: one.properties for one in foreign.get_artifact_types()}
    assert {one.type for one in artifacts.values()} <= set(declared)
    for artifact in artifacts.values():
        assert set(artifact.properties) <= set(declared[artifact.type])
    for execution in executions.values():
        found = {context.type for context in foreign.get_contexts_by_execution(execution.id)}
        assert {"pipeline", "pipeline_run", "node"} <= found


def test_ml_metadatas_own_walk_finds_the_same_ancestors(
    foreign: metadata_store.MetadataStore, explained: dict[str, Any]
) -> None:
    options = pb.LineageSubgraphQueryOptions(
        starting_artifacts={"filter_query": f"id = {explained['model']['id']}"},
        max_num_hops=100,
        direction=pb.LineageSubgraphQueryOptions.UPSTREAM,
    )
    theirs = foreign.get_lineage_subgraph(options, ["artifacts", "executions"])
    ours = explained["lineage"]
    # Theirs goes on to those that took an artifact from the cache, or chose it, and to what these read.
    assert {one["id"] for one in ours["artifacts"]} <= {one.id for one in theirs.artifacts}
    assert {one["id"] for one in ours["executions"]} <= {one.id for one in theirs.executions}
