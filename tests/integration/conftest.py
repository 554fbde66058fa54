"""A place for runs of toys in processes of their own, and one light executor host for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.launching import Site, profile_at
from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.settings import HostSettings


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSettings]:
    """None is left behind."""
    settings = HostSettings(directory=tmp_path_factory.mktemp("host"))
    yield settings
    stop_hosts(settings)


@pytest.fixture
def site(tmp_path: Path, host: HostSettings) -> Site:
    """A number to read, a store on SQLite, an artifact root."""
    source = tmp_path / "number.txt"
    source.write_text("7")
    return Site(profile=profile_at(tmp_path, tmp_path / "artifacts", host), source=source)
