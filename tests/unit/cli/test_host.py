"""`pipeline host`."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.cli.command import Command


@pytest.fixture
def warm(pipeline: Command) -> Iterator[Command]:
    """A project with a host of its own; the socket's path must be short."""
    directory = tempfile.mkdtemp(prefix="plh-")
    local = pipeline.folder / "configs/local.yaml"
    local.write_text(local.read_text().replace("enabled: false", f"directory: {directory}"))
    yield pipeline
    pipeline("host", "stop")
    shutil.rmtree(directory)


def test_a_host_outlives_the_run_and_is_stopped(warm: Command) -> None:
    assert "no host runs" in warm("host", "status")
    warm.run()
    (host,) = warm.json("host", "status")
    assert host["served"] == 3
    assert str(host["pid"]) in warm("host", "status")
    assert warm.json("host", "stop") == {"stopped": 1}
    assert warm("host", "stop").strip() == "0 stopped"


def test_a_directory_that_cannot_be_one_is_explained(pipeline: Command) -> None:
    local = Path("configs/local.yaml")
    with tempfile.NamedTemporaryFile() as file:
        local.write_text(local.read_text().replace("enabled: false", f"directory: {file.name}"))
        pipeline("host", "status", code=2)
    assert "[PL425] the directory of the executor host cannot be made" in pipeline.error
