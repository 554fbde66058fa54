"""Components as the executor sees them: objects with `execute`; imported in the child, by name."""

import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from pipeline_lib.artifacts import Artifact, Model
from pipeline_lib.artifacts.workspace import current_workspace
from pipeline_lib.errors import ArtifactStoreError, CorruptPayloadError


class Body:
    def __init__(self, function: Callable) -> None:
        self.function = function

    def execute(self, inputs, parameters):
        return self.function(inputs, parameters)


class Dated(Artifact):
    day: date
    rows: int


@Body
def write(inputs, parameters):
    """One output that says what the process was like."""
    print("hello from", parameters.get("name"), flush=True)
    model = Model.new()
    (model.path / "facts.txt").write_text(f"{os.getpid()} {os.getppid()} {os.getsid(0)} {Path.cwd()}")
    return {"model": (model,)}


@Body
def describe(inputs, parameters):
    made = Dated.new(day=date(2013, 1, 2), rows=len(inputs.get("examples", ())))
    return {"result": (made,)}


class Scored(Artifact):
    scores: dict[str, float]


@Body
def change_afterwards(inputs, parameters):
    made = Scored.new(scores={"loss": 0.5})
    made.scores["loss"] = float("nan")
    return {"scored": (made,)}


@Body
def pass_through(inputs, parameters):
    return {"model": ("not an artifact",)}


@Body
def environment(inputs, parameters):
    made = Model.new()
    names = ("ONLY_NOW", "FROM_REQUEST", "TMPDIR")
    found = {name: os.environ.get(name, "") for name in names}
    found["temp"] = tempfile.gettempdir()
    found["modules"] = ",".join(name for name in ("decimal", "fractions") if name in sys.modules)
    (made.path / "environment.txt").write_text("\n".join(f"{name}={value}" for name, value in found.items()))
    return {"model": (made,)}


@Body
def progress(inputs, parameters):
    for epoch in range(3):
        current_workspace().report({"epoch": epoch, "loss": 1.0 / (epoch + 1)})
    return {}


@Body
def raise_foreign(inputs, parameters):
    raise ValueError("row 7 has 3 fields")


@Body
def raise_ours(inputs, parameters):
    raise CorruptPayloadError("model.bin is damaged", at="file:/x", fix="run it again")


@Body
def raise_passing(inputs, parameters):
    raise ArtifactStoreError("the bucket does not answer", fix="try later")


@Body
def call_exit(inputs, parameters):
    sys.exit("that is all")


@Body
def end_at_once(inputs, parameters):
    print("about to go", flush=True)
    os._exit(3)


@Body
def crash(inputs, parameters):
    os.kill(os.getpid(), signal.SIGSEGV)


@Body
def eat(inputs, parameters):
    """Asks for more memory than it may have."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = used + parameters["most_bytes"]
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    return {"model": (bytearray(2 * parameters["most_bytes"]),)}


@Body
def eat_until_killed(inputs, parameters):
    """Goes into a control group with a limit of memory, and over that limit."""
    Path(parameters["group"], "cgroup.procs").write_text(str(os.getpid()))
    eaten = []
    while True:
        eaten.append(b"x" * (1 << 20))


@Body
def print_much(inputs, parameters):
    for _ in range(parameters["lines"]):
        print("x" * 1023)
    return {}


@Body
def sleep(inputs, parameters):
    """Says who it is in a file, with a process of its group, and sleeps until a file says go; tidies up."""
    other = subprocess.Popen(["sleep", "300"])
    notes = Path(parameters["notes"])
    notes.with_suffix(".new").write_text(f"{os.getpid()} {other.pid}")
    notes.with_suffix(".new").rename(notes)
    try:
        deadline = time.monotonic() + parameters.get("seconds", 300)
        while time.monotonic() < deadline and not notes.with_suffix(".go").exists():
            time.sleep(0.02)
    finally:
        notes.with_suffix(".tidied").touch()
    return {}


@Body
def sleep_stubbornly(inputs, parameters):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return sleep.execute(inputs, parameters)


@Body
def leave_process_behind(inputs, parameters):
    other = subprocess.Popen(["sleep", "300"])
    Path(parameters["notes"]).write_text(f"{os.getpid()} {other.pid}")
    return {}


@Body
def leave_thread_behind(inputs, parameters):
    threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
    return {}


@Body
def take_all_pipes(inputs, parameters):
    """Closes what pipes it was given, and opens files of its own under their numbers."""
    pipes = [fd for fd in range(3, 64) if _is_pipe(fd)]
    for descriptor in pipes:
        os.close(descriptor)
    for number in range(len(pipes) + 8):
        os.open(f"{parameters['folder']}/own-{number}", os.O_WRONLY | os.O_CREAT)
    return {}


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False
