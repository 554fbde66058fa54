"""Authoring is light: a fresh interpreter that imports the library loads no pydantic and nothing heavy."""

import subprocess
import sys


def test_importing_the_library_loads_no_pydantic() -> None:
    code = "import sys, pipeline_lib; print([m for m in ('pydantic', 'numpy', 'fsspec') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
