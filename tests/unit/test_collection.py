"""When Python looks for cycles, seen in processes of their own: it is the interpreter's setting."""

import subprocess
import sys

_COMMAND = """
import atexit, gc, sys
atexit.register(lambda: print(len(gc.get_objects())))  # after what collect_rarely registers
from pipeline_lib.__main__ import main
before = sum(stats["collections"] for stats in gc.get_stats())
sys.argv = ["pipeline", "run", "--help"]
try:
    main()
finally:
    print(sum(stats["collections"] for stats in gc.get_stats()) - before)
"""
_SERVER = """
import gc
from pipeline_lib.collection import collect_as_usual, collect_rarely
usual = gc.get_threshold()
collect_rarely()
assert gc.get_threshold() != usual
kept = [[number] for number in range(10_000)]
collect_as_usual()
print(gc.get_threshold() == usual, len(gc.get_objects()) < 1_000)
"""


def _lines(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_short_command_never_looks_for_cycles_and_leaves_none_to_look_for_at_its_end() -> None:
    collections, left = _lines(_COMMAND)[-2:]
    assert int(collections) == 0
    assert int(left) < 100, "the interpreter's last passes visit all of them"


def test_a_server_looks_for_new_cycles_as_usual_and_not_at_what_it_started_with() -> None:
    assert _lines(_SERVER) == ["True True"]
