"""What every test shares: nothing of the machine's own configuration reaches a test, and nothing stays."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported: Airflow writes to its home when it is imported."""
    home = tempfile.mkdtemp(prefix="airflow-home-")
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for name in [name for name in os.environ if name.startswith(("PIPELINE_", "AIRFLOW_"))]:
        del os.environ[name]
    os.environ["AIRFLOW_HOME"] = home
    # Background jobs of a script start with Ctrl-C ignored, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # absl's handler keeps the standard error that it is imported with, and closes it when Airflow sets up its
    # logging: that must not be the file of pytest's own.
    import absl.logging  # noqa: F401


@pytest.fixture(autouse=True)
def forgotten_modules() -> Iterator[None]:
    """What a test imported out of a temporary folder is not what the next one finds under that name."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if any(_is_temporary(place) for place in _places(sys.modules[name])):
            del sys.modules[name]


def _is_temporary(place: str) -> bool:
    """Whether a test made it; a checkout may itself stand in the folder for temporary files."""
    installed = (sys.prefix, str(Path(__file__).parents[1]))
    return place.startswith(tempfile.gettempdir()) and not place.startswith(installed)


def _places(module: ModuleType) -> list[str]:
    spec = getattr(module, "__spec__", None)
    return [spec.origin or "", *(spec.submodule_search_locations or ())] if spec else []
