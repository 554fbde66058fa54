"""`pipeline ui`: a real server, started and stopped."""

import itertools
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest


def started(folder: Path, *arguments: str, **environ: str) -> "subprocess.Popen[str]":
    program = [str(Path(sys.executable).with_name("pipeline")), "ui", "--json", *arguments]
    return subprocess.Popen(
        program,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )


def test_pages_are_served_until_interrupted(tmp_path: Path) -> None:
    with started(tmp_path, "--port", "0") as server:
        try:
            assert server.stdout is not None
            told = "".join(
                itertools.takewhile(lambda line: line not in ("", "}\n"), iter(server.stdout.readline, ""))
            )
            address = json.loads(f"{told}}}")["address"]
            with urllib.request.urlopen(f"{address}/runs", timeout=60) as answer:
                assert "No run matches" in answer.read().decode()
        finally:
            server.send_signal(signal.SIGINT)
            _, complaints = server.communicate(timeout=60)
    assert "Traceback" not in complaints


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--host", "0.0.0.0"), "PL920"),
        (("--host", "0.0.0.0", "--token", "env:SHORT"), "PL920"),
        (("--token", "in-clear"), "PL60"),
        (("--token", "env:NOT_SET"), "PL60"),
    ],
)
def test_what_would_be_unsafe_is_refused(tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    server = started(tmp_path, *arguments, SHORT="short")
    told, _ = server.communicate(timeout=60)
    assert server.returncode == 2
    assert json.loads(told)["error"]["code"].startswith(code)
    assert "in-clear" not in told
