"""A command that was started with closed streams."""

import json
import subprocess
import sys

LOOK = """
import json, os, sys
from pipeline_lib.streams import open_missing_streams
open_missing_streams()
found = [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]
numbers = [stream.fileno() for stream in (sys.stdin, sys.stdout, sys.stderr)]
open(sys.argv[1], "w").write(json.dumps([found, numbers]))
"""


def test_closed_streams_lead_to_nowhere(tmp_path):
    answer = tmp_path / "answer.json"
    subprocess.run(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", LOOK, str(answer)], check=True
    )
    assert json.loads(answer.read_text()) == [["/dev/null"] * 3, [0, 1, 2]]


def test_open_ones_stay(tmp_path):
    answer = tmp_path / "answer.json"
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-c", LOOK + "print('said')", str(answer)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "said\n"
    assert json.loads(answer.read_text())[0][0] == "/dev/null"
