"""What a user has set is not changed; what is imported says nothing of itself."""

import subprocess
import sys

import pytest

from pipeline_lib.cli.quiet import hush_imports


def test_what_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    monkeypatch.setenv("GRPC_VERBOSITY", "")
    monkeypatch.delenv("GRPC_VERBOSITY")
    hush_imports()
    import os

    assert (os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["GRPC_VERBOSITY"]) == ("0", "ERROR")


def test_a_warning_of_googles_is_not_shown() -> None:
    program = (
        "import warnings; from pipeline_lib.cli.quiet import hush_imports; hush_imports()\n"
        "warnings.warn_explicit('old', FutureWarning, 'a.py', 1, module='google.api_core._version')\n"
        "warnings.warn_explicit('ours', FutureWarning, 'b.py', 1, module='flight_delays')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "old" not in done.stderr
    assert "ours" in done.stderr
