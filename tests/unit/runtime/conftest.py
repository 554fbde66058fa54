"""Hosts of a test's own, in a directory of their own, ended with the test."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.plan.models import CodeRef
from pipeline_lib.runtime.execution import Executor
from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.runtime.messages import Request
from pipeline_lib.runtime.session import Session, open_session
from pipeline_lib.settings import HostSettings
from unit.runtime.toy_runs import toy_profile

HERE = Path(__file__).parent


@contextmanager
def _own_hosts() -> Iterator[HostSettings]:
    directory = Path(tempfile.mkdtemp(prefix="plh-"))
    settings = HostSettings(directory=directory, idle_timeout_seconds=60, kill_grace_seconds=0.5)
    try:
        yield settings
    finally:
        stop_hosts(settings)
        shutil.rmtree(directory)


@pytest.fixture
def host_settings() -> Iterator[HostSettings]:
    """For hosts that nobody else uses."""
    with _own_hosts() as settings:
        yield settings


@pytest.fixture(scope="module")
def shared_settings() -> Iterator[HostSettings]:
    """For a host that the tests of a module share."""
    with _own_hosts() as settings:
        yield settings


@pytest.fixture
def request_for(tmp_path: Path) -> Callable[..., Request]:
    def make(body: str, /, **parameters: Any) -> Request:
        return Request(
            code=CodeRef(module="executor_bodies", qualname=body),
            import_paths=(str(HERE),),
            parameters=parameters,
            staging=str(tmp_path / "staging"),
            context={"node": body},
        )

    return make


@pytest.fixture(params=["warm", "cold"])
def executor(request: pytest.FixtureRequest, shared_settings: HostSettings, tmp_path: Path) -> Executor:
    return Executor(host=shared_settings, cold=request.param == "cold")


@pytest.fixture
def warm(host_settings: HostSettings, tmp_path: Path) -> Executor:
    return Executor(
        host=host_settings,
    )


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A store, an artifact root and an executor of the test's own; every node has a process of its own."""
    with open_session(toy_profile(tmp_path)) as opened:
        yield opened


@pytest.fixture
def number(tmp_path: Path) -> dict[str, Any]:
    """Run parameters that name a file with 7 in it."""
    (tmp_path / "number.txt").write_text("7")
    return {"source": str(tmp_path / "number.txt")}
