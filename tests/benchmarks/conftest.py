"""Options of the benchmarks, their report, and what they share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.measuring import Report
from benchmarks.taxi_runs import TaxiRuns, measure_taxi
from benchmarks.workplace import TfxEnvironment

REPORT = pytest.StashKey[Report]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="once each, and without what takes minutes")
    parser.addoption("--report", type=Path, help="write the comparisons as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = Report()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.benchmark)
            item.add_marker(pytest.mark.timeout(3600))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    target = session.config.getoption("--report")
    report = session.config.stash[REPORT]
    if target is not None and report.chapters and exitstatus != pytest.ExitCode.INTERRUPTED:
        before = target.read_text(encoding="utf-8") if target.exists() else ""
        text = report.markdown(quick=session.config.getoption("--quick"), before=before)
        target.write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def quick(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--quick"))


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    return pytestconfig.stash[REPORT]


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """Short path, because hosts' sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def tfx() -> TfxEnvironment:
    return TfxEnvironment().prepare()


@pytest.fixture(scope="session")
def small_taxi(tfx: TfxEnvironment, scratch: Path, quick: bool) -> TaxiRuns:
    """15 k rows: TFX, TFX cached, bare libraries, pyarrow, ours cold, cached, warm, in turns."""
    return measure_taxi(tfx, scratch / "small", copies=1, repetitions=1 if quick else 2)


@pytest.fixture(scope="session")
def big_taxi(tfx: TfxEnvironment, scratch: Path) -> TaxiRuns:
    """The same with the rows ten times over; once, since it takes five minutes."""
    return measure_taxi(tfx, scratch / "big", copies=10, repetitions=1)
