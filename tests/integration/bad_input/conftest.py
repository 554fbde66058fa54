"""A project of a test's own, and what every case of bad input must show.

A case is a row in a table: what is wrong, the code that must be told, the place and the fix in its text. The
fixture `refused` runs the pipeline by the `pipeline` command and holds the promises: the exit code is not
zero, the message has code, place and fix, nothing was published by the node that refused, and once the input
is mended the same command succeeds.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.settings import HostSettings
from unit.cli.command import Command

PIPELINES = Path(__file__).parents[1] / "pipelines"
GOOD = "id,text,number\n" + "".join(f"{row},text {row},{row / 2}\n" for row in range(40))


@dataclass(frozen=True)
class Case:
    """One way in which input can be bad.

    Attributes:
        name: What is wrong.
        spoil: Makes it so, in the project's folder.
        code: Of the error.
        place: Part of the message that says where.
        fix: Part of the message that says what to do.
        pipeline: Which one is run.
        parameters: Its parameters, `name=value`.
    """

    name: str
    spoil: Callable[[Path], object]
    code: str
    place: str
    fix: str
    pipeline: str = "csv"
    parameters: tuple[str, ...] = ("source=in.csv",)


def published(project: Path) -> set[str]:
    """Whatever lies in the artifact store or is on its way there, as a reader would find it."""
    root = project / ".pipeline/artifacts"
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    }


@pytest.fixture(scope="session")
def host_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("host")
    yield directory
    stop_hosts(HostSettings(directory=directory))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty folder; a module may give one to all its tests."""
    return tmp_path


@pytest.fixture
def command(project: Path, host_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    (project / "configs").mkdir(exist_ok=True)
    (project / "modules").mkdir(exist_ok=True)
    (project / "configs/local.yaml").write_text(
        f"import_paths: [{PIPELINES}, modules]\nhost: {{directory: {host_directory}}}\n"
    )
    monkeypatch.chdir(project)
    before = list(sys.path)
    sys.path[:0] = [str(PIPELINES), str(project / "modules")]
    yield Command(project)
    sys.path[:] = before


Refused = Callable[[Case, Callable[[Path], object]], None]


@pytest.fixture
def refused(command: Command) -> Refused:
    def refused(case: Case, mend: Callable[[Path], object]) -> None:
        given = [word for parameter in case.parameters for word in ("-p", parameter)]
        case.spoil(command.folder)
        failed = command.failing("run", case.pipeline, *given)
        assert f"[{case.code}]" in failed, failed
        assert case.place in failed, failed
        _, _, fix = failed.partition("fix:")
        assert case.fix in fix, failed
        assert not complete_of_failed(command), "a node that refused has published"
        mend(command.folder)
        command("run", case.pipeline, *given)

    return refused


def complete_of_failed(command: Command) -> list[Mapping[str, object]]:
    """Artifacts of nodes that failed, and files that no artifact of the store accounts for."""
    artifacts = command.json("artifacts", "--limit", "10000")
    known = {Path(one["uri"]).resolve() for one in artifacts}
    root = command.folder / ".pipeline/artifacts"
    return [
        {"file": name}
        for name in published(command.folder)
        if not any((root / name).resolve().is_relative_to(uri) for uri in known)
    ]
