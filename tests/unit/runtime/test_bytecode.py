"""Bytecode of an earlier source is not run under the new source's cache key."""

import importlib.util
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_lib.runtime.bytecode import forget_doubtful

WRITTEN_AT = 1_700_000_000.0


@pytest.fixture
def module(tmp_path: Path) -> Path:
    source = tmp_path / "module.py"
    source.write_text("x = 1")
    return source


def imported(module: Path) -> str:
    """What a fresh interpreter sees."""
    program = f"import sys; sys.path.insert(0, {str(module.parent)!r}); import module; print(module.x)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_edit_that_keeps_size_and_time_is_seen(module: Path) -> None:
    os.utime(module, (WRITTEN_AT, WRITTEN_AT))
    py_compile.compile(str(module))
    module.write_text("x = 2")
    os.utime(module, (WRITTEN_AT, WRITTEN_AT + 0.5))  # the same second
    assert imported(module) == "1", "Python has learned to tell: forget_doubtful is no longer needed"
    forget_doubtful([str(module)])
    assert imported(module) == "2"


def test_bytecode_written_after_the_last_change_stays(module: Path) -> None:
    compiled = Path(py_compile.compile(str(module)) or "")
    os.utime(compiled, ns=(module.stat().st_ctime_ns + 1, module.stat().st_ctime_ns + 1))
    forget_doubtful([str(module)])
    assert compiled.exists()


def test_what_is_not_there_is_passed_over(module: Path, tmp_path: Path) -> None:
    assert not Path(importlib.util.cache_from_source(str(module))).exists()
    forget_doubtful([str(module), str(tmp_path / "gone.py")])
    assert module.exists()
