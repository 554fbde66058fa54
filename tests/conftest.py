"""What every test shares: nothing of the machine's own configuration reaches a test, and nothing stays."""

import os
import shutil
import tempfile

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported: Airflow writes to its home when it is imported."""
    home = tempfile.mkdtemp(prefix="airflow-home-")
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for name in [name for name in os.environ if name.startswith(("PIPELINE_", "AIRFLOW_"))]:
        del os.environ[name]
    os.environ["AIRFLOW_HOME"] = home
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
