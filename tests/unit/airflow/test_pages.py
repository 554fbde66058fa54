"""The pages' profile and doors in Airflow; tests/integration/airflow/sqlite/test_pages.py has a real one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline_lib.airflow import pages
from pipeline_lib.airflow.pages import airflow_application, anchored, may_read
from pipeline_lib.settings import ArtifactSettings, MetadataSettings, Profile


def test_relative_places_start_at_the_project() -> None:
    found = anchored(Profile(), Path("/project"))
    assert found.metadata.url == "sqlite:////project/.pipeline/metadata.sqlite"
    assert found.artifacts.root == "/project/.pipeline/artifacts"
    assert found.state_dir == Path("/project/.pipeline")


def test_absolute_places_and_servers_stay() -> None:
    profile = Profile(
        metadata=MetadataSettings(url="postgresql://p@db/pipeline"),
        artifacts=ArtifactSettings(root="s3://bucket/x"),
        state_dir=Path("/var/state"),
    )
    assert anchored(profile, Path("/project")) == profile
    there = Profile(metadata=MetadataSettings(url="sqlite:////data/m.sqlite"))
    assert anchored(there, Path("/project")).metadata == there.metadata


@pytest.mark.parametrize(
    ("denied", "may"), [("", True), ("dag", False), ("RUN", False), ("TASK_INSTANCE", False)]
)
def test_reading_needs_the_dag_its_runs_and_its_tasks(
    monkeypatch: pytest.MonkeyPatch, denied: str, may: bool
) -> None:
    def is_authorized_dag(*, method: str, access_entity: Any, details: Any, user: Any) -> bool:
        asked = "dag" if access_entity is None else access_entity.name
        return method == "GET" and details.id == "flights" and asked != denied

    manager = SimpleNamespace(is_authorized_dag=is_authorized_dag)
    monkeypatch.setattr(pages, "get_auth_manager", lambda: manager)
    user: Any = SimpleNamespace()
    assert may_read(user, "flights") is may
    assert not may_read(user, "others")
    assert not may_read(user, "")


def test_every_route_is_behind_the_login() -> None:
    application = airflow_application()
    assert application.openapi_url is application.docs_url is None
    for route in application.routes:
        needs = [one.call.__qualname__ for one in route.dependant.dependencies if one.call]
        assert any("admit" in name for name in needs), route
