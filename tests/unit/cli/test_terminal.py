"""The terminal while something is drawn on it, in a pseudo-terminal of its own."""

import os
import pty
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from pipeline_lib.cli.terminal import interrupts_unseen

def say(word):
    sys.stdout.write(word)
    sys.stdout.flush()

with interrupts_unseen():
    try:
        say("drawing ")
        sys.stdin.readline()
    except KeyboardInterrupt:
        say("interrupted ")
try:
    say("again ")
    sys.stdin.readline()
except KeyboardInterrupt:
    say("ended")
"""


def test_the_terminal_does_not_show_interrupts_while_drawing() -> None:
    terminal, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        shown = read_until(terminal, b"drawing ")
        os.write(terminal, b"\x03")
        shown += read_until(terminal, b"again ")
        os.write(terminal, b"\x03")
        shown += read_until(terminal, b"ended")
    finally:
        os.close(terminal)
        child.wait(60)
    first, _, second = shown.decode().partition("again")
    assert "^C" not in first
    assert "^C" in second


def test_without_a_terminal_nothing_is_done(tmp_path: Path) -> None:
    from pipeline_lib.cli.terminal import interrupts_unseen

    before = sys.stdin
    with (tmp_path / "input").open("w+") as file:
        sys.stdin = file
        try:
            with interrupts_unseen():
                pass
        finally:
            sys.stdin = before


def read_until(terminal: int, expected: bytes) -> bytes:
    """What the terminal shows up to a word; the end of the pseudo-terminal is an OSError."""
    shown = b""
    while expected not in shown:
        shown += os.read(terminal, 1024)
    return shown
