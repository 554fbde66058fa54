"""Our pages behind Airflow's own login: nothing without one, nothing of a DAG that a user may not read."""

import itertools
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response

from pipeline_lib.artifacts.store import ArtifactStore, open_artifact_store
from pipeline_lib.errors import UnknownRecordError
from pipeline_lib.lineage.web.application import create_application
from pipeline_lib.lineage.web.presentation import query_of, segment
from pipeline_lib.lineage.web.visible import visible
from pipeline_lib.lineage.web.visitor import CurrentVisitor, Visitor
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.settings import Profile, load_profile

if TYPE_CHECKING:
    from pipeline_lib.metadata.records import Run
    from pipeline_lib.metadata.store import Store

SECTION = "pipeline_lib"
# A reader of our pages sees what tasks did and what they said of it.
_ENTITIES = (None, DagAccessEntity.RUN, DagAccessEntity.TASK_INSTANCE)
_CLEARED = 50

router = APIRouter(prefix="/airflow")

Id = Annotated[str, Query(min_length=1, max_length=500)]


@dataclass(slots=True)
class _Backend:
    """Store and files of the profile, opened by the first request and kept."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _opened: "tuple[Store, ArtifactStore] | None" = None

    def opened(self) -> "tuple[Store, ArtifactStore]":
        with self._lock:
            if self._opened is None:
                project = Path(conf.get(SECTION, "project", fallback="") or ".").resolve()
                name = conf.get(SECTION, "profile", fallback="") or None
                profile = anchored(load_profile(name, folder=project / "configs"), project)
                artifacts = open_artifact_store(
                    profile.artifacts.root,
                    profile.artifacts.storage_options,
                    cache_dir=profile.state_dir / "artifact-cache",
                )
                self._opened = open_store(profile.metadata), artifacts
            return self._opened


def airflow_application() -> FastAPI:
    """The pages, for a plugin to mount."""
    backend = _Backend()

    def admit(request: Request, user: GetUserDep) -> None:
        store, artifacts = backend.opened()
        request.state.visitor = Visitor(
            store=visible(store, lambda pipeline: may_read(user, pipeline)),
            artifacts=artifacts,
            name=user.get_name(),
        )

    application = create_application(admit)
    application.include_router(router)
    return application


def may_read(user: BaseUser, pipeline: str) -> bool:
    """Whether Airflow's auth manager lets a user read the DAG of that name, its runs and its tasks.

    What belongs to no pipeline of ours is for nobody.
    """
    if not pipeline:
        return False
    team = DagModel.get_team_name(pipeline) if conf.getboolean("core", "multi_team", fallback=False) else None
    details = DagDetails(id=pipeline, team_name=team)
    manager = get_auth_manager()
    return all(
        manager.is_authorized_dag(method="GET", access_entity=entity, details=details, user=user)
        for entity in _ENTITIES
    )


def anchored(profile: Profile, project: Path) -> Profile:
    """The profile with its relative paths starting at the project, as they do in the tasks."""
    url, root = profile.metadata.url, profile.artifacts.root
    path = url.removeprefix("sqlite:///")
    if path != url and not path.startswith("/"):
        url = f"sqlite:///{project / path}"
    if "://" not in root:
        root = str(project / root)
    return profile.model_copy(
        update={
            "metadata": profile.metadata.model_copy(update={"url": url}),
            "artifacts": profile.artifacts.model_copy(update={"root": root}),
            "state_dir": project / profile.state_dir,
        }
    )


@router.get("/dag")
def show_dag(request: Request, dag: Id) -> Response:
    """The runs of a DAG's pipeline."""
    return _to(request, f"/runs{query_of({'pipeline': dag})}")


@router.get("/run")
def show_run(request: Request, visitor: CurrentVisitor, dag: Id, run: Id) -> Response:
    """The run that a DAG run stands for; of one that was cleared as a whole, the latest."""
    return _to(request, f"/runs/{segment(_recorded(visitor, dag, run).run_id)}")


@router.get("/task")
def show_task(
    request: Request, visitor: CurrentVisitor, dag: Id, run: Id, task: Id, map_index: str = ""
) -> Response:
    """The last execution of a task's node; of a task that is no node, the run."""
    recorded = _recorded(visitor, dag, run)
    index = int(map_index) if map_index.isdecimal() and map_index.isascii() else -1
    for execution in reversed(visitor.store.run_executions(recorded.run_id)):
        told = execution.facts.get("airflow")
        launched = told if isinstance(told, dict) else {}
        if execution.key.node == task and launched.get("map_index", -1) == index:
            return _to(request, f"/executions/{execution.id}")
    return _to(request, f"/runs/{segment(recorded.run_id)}")


def _recorded(visitor: Visitor, dag: str, run: str) -> "Run":
    first = f"{dag}.{run}"
    found = visitor.store.run(first)
    for number in itertools.islice(itertools.count(2), _CLEARED):
        again = visitor.store.run(f"{first}.{number}") if found is not None else None
        if again is None:
            break
        found = again
    if found is None:
        raise UnknownRecordError(
            f"DAG run {run} of {dag} is not in the metadata store",
            fix="it is recorded once its first task, start_run, has succeeded; other DAGs are not",
        )
    return found


def _to(request: Request, place: str) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}{place}", status_code=303)
