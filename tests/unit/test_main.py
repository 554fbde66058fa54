"""The `pipeline` command as a process of its own."""

import subprocess
import sys

_TOLD = """
import atexit, gc, sys
atexit.register(lambda: print(len(gc.get_objects())))  # after what main registers
from pipeline_lib.__main__ import main
before = sum(stats["collections"] for stats in gc.get_stats())
sys.argv = ["pipeline", "run", "--help"]
try:
    main()
finally:
    print(sum(stats["collections"] for stats in gc.get_stats()) - before)
"""


def test_a_short_command_never_looks_for_cycles_and_leaves_none_to_look_for_at_its_end() -> None:
    done = subprocess.run([sys.executable, "-c", _TOLD], capture_output=True, text=True, check=True)
    collections, left = done.stdout.splitlines()[-2:]
    assert int(collections) == 0
    assert int(left) < 100, "the interpreter's last passes visit all of them"


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "pipeline_lib", "run", "no-such-pipeline"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no-such-pipeline" in done.stderr
    usage = subprocess.run([*command[:3], "--help"], capture_output=True, text=True, check=True).stdout
    assert "Usage: pipeline [OPTIONS]" in usage
