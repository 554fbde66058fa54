"""A project folder of a test's own, with the toy pipelines, and the command as it is called there."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unit.cli.command import Command

TOYS = Path(__file__).parents[2] / "integration/pipelines"


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """The command in an empty project with the toy pipelines; every node has a process of its own."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/local.yaml").write_text(f"import_paths: [{TOYS}]\nhost: {{enabled: false}}\n")
    (tmp_path / "number.txt").write_text("7")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    sys.path.insert(0, str(TOYS))
    yield Command(tmp_path)
    sys.path[:] = before


@pytest.fixture
def write_pipeline(pipeline: Command) -> Callable[[str, str], None]:
    """Writes `mine/<name>/pipeline.py` and makes `mine` the only import path."""

    def write(name: str, source: str) -> None:
        folder = pipeline.folder / "mine" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "pipeline.py").write_text(source)
        (pipeline.folder / "configs/local.yaml").write_text("import_paths: [mine]\nhost: {enabled: false}\n")

    return write
