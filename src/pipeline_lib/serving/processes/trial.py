"""A server of its own for a model on trial: started, asked, and always stopped."""

import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.errors import ServerSettingsError

LOCAL = "local"

_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialServer:
    """A server that is starting or runs.

    Attributes:
        grpc: Its address.
        log: What it writes.
    """

    grpc: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def has_ended(self) -> bool:
        """Whether it is gone before anybody stopped it."""
        return self.process.poll() is not None

    def last_words(self, lines: int = 5) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.strip().splitlines()[-lines:])


@contextmanager
def trial_server(command: str, base_path: Path, name: str, log: Path) -> Iterator[TrialServer]:
    """Start a server for the block.

    Args:
        command: `local`, or a command line with `{base_path}` (of the model), `{name}`, `{grpc_port}` and
            `{rest_port}`; without any of them, a `tensorflow_model_server` or what takes its options.
        base_path: Of the model: a directory of versions.
        name: Of the model.
        log: Where its output goes.

    Raises:
        ServerSettingsError: The command cannot be started.
    """
    grpc, rest = _free_port(), _free_port()
    line = _command(command, base_path, name, grpc, rest)
    with log.open("wb") as written:
        try:
            process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise ServerSettingsError(
                f"the trial server cannot be started: {error.strerror}",
                at=line[0],
                fix="mend serving.trial in the profile, or set it to `local`",
            ) from error
        try:
            yield TrialServer(grpc=f"127.0.0.1:{grpc}", process=process, log=log)
        finally:
            _stop(process)


def _command(command: str, base_path: Path, name: str, grpc: int, rest: int) -> list[str]:
    if command == LOCAL:
        options = ["--base-path", str(base_path.parent), "--model", name, "--poll-seconds", "1"]
        ports = ["--grpc-port", str(grpc), "--rest-port", str(rest)]
        return [sys.executable, "-m", "pipeline_lib", "serve", *options, *ports]
    values = {"base_path": base_path, "name": name, "grpc_port": grpc, "rest_port": rest}
    if "{" in command:
        return [part.format(**values) for part in shlex.split(command)]
    options = ["--port={grpc_port}", "--rest_api_port={rest_port}", "--model_name={name}"]
    options += ["--model_base_path={base_path}", "--max_num_load_retries=0"]
    return [*shlex.split(command), *(option.format(**values) for option in options)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
