"""Starting a host where none listens, and finding those that do."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline_lib.errors import HostUnavailableError
from pipeline_lib.runtime.environment import child_environment
from pipeline_lib.runtime.host.address import HostAddress, host_address, host_addresses
from pipeline_lib.runtime.host.client import HostClient
from pipeline_lib.runtime.host.preload import is_quick
from pipeline_lib.runtime.host.protocol import Link, Status
from pipeline_lib.settings import HostSettings

_SERVER = "pipeline_lib.runtime.host.server"
_SHELL = "/bin/sh"


def ensure_host(
    preload: Sequence[str],
    environment_digest: str,
    settings: HostSettings,
    *,
    thread_limit: int | None = None,
) -> HostClient:
    """The host for this interpreter and environment, started if there is none; returns at once.

    The socket is made here and handed to the new process, so a client can connect and give its order while
    the host still imports. A host that is already there imports what it lacks of `preload`. Hosts of this
    interpreter whose environment or library has changed since are told to end.

    Args:
        preload: Third-party modules, in the order to import them; none that takes long: the light host.
        environment_digest: Of the installed distributions.
        settings: Directory of the socket, idle time-out.
        thread_limit: More threads than this in the host, and it refuses to fork.

    Raises:
        HostUnavailableError: The directory is not private, or no process can be started.
    """
    address = host_address(settings, environment_digest, light=is_quick(preload))
    client = HostClient(address=address)
    if client.preload(tuple(preload)):
        return client
    with address.locked():
        if client.preload(tuple(preload)):  # another process was faster
            return client
        _start(address, preload, settings, thread_limit)
    _retire_outdated(settings, address)
    return client


def running_hosts(settings: HostSettings) -> list[tuple[HostClient, Status]]:
    """This user's hosts that answer.

    Raises:
        HostUnavailableError: The directory is not private.
    """
    clients = [HostClient(address=address) for address in host_addresses(settings)]
    answers = [(client, client.status()) for client in clients]
    return [(client, status) for client, status in answers if status is not None]


def stop_hosts(settings: HostSettings, *, force: bool = True) -> int:
    """End this user's hosts; forced, stop their children and wait. Returns how many there were.

    Raises:
        HostUnavailableError: The directory is not private.
    """
    return sum(HostClient(address=address).stop(force=force) for address in host_addresses(settings))


def cold_process(
    interpreter: Path, environ: Mapping[str, str], log: Path
) -> tuple[subprocess.Popen[bytes], Link]:
    """A fresh process for one execution, and the connection to it; its end, or ours, ends the child.

    Raises:
        HostUnavailableError: The interpreter cannot be started.
    """
    ours, theirs = socket.socketpair()
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(interpreter), "-P", "-m", _SERVER, "--once", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environ),
                start_new_session=True,
            )
    except OSError as error:
        ours.close()
        raise HostUnavailableError(
            f"{interpreter} cannot be started: {error.strerror}",
            at=str(interpreter),
            fix="mend the interpreter's path in the profile's environments",
        ) from error
    finally:
        theirs.close()
    return process, Link(ours)


def _start(
    address: HostAddress, preload: Sequence[str], settings: HostSettings, thread_limit: int | None
) -> None:
    address.socket.unlink(missing_ok=True)  # left behind by a host that was killed
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address.socket))
        address.socket.chmod(0o600)
        listener.listen(128)
        command = [sys.executable, "-P", "-m", _SERVER]
        command += ["--listen", str(listener.fileno()), "--directory", str(address.directory)]
        command += ["--key", address.key]
        command += ["--idle", str(settings.idle_timeout_seconds)]
        command += ["--thread-limit", str(thread_limit)] if thread_limit is not None else []
        try:
            with address.log.open("wb") as log:
                # By way of a shell that ends at once: the host must be nobody's child, or it would stay a
                # zombie of the launcher that happened to start it.
                subprocess.run(
                    [_SHELL, "-c", '"$@" &', "sh", *command, "--", *preload],
                    pass_fds=[listener.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=child_environment(os.environ),
                    start_new_session=True,
                    check=True,
                )
        except (OSError, subprocess.SubprocessError) as error:
            address.socket.unlink(missing_ok=True)
            raise HostUnavailableError(
                f"the executor host cannot be started: {error}",
                at=str(address.log),
                fix="use `--cold`, or set PIPELINE_HOST__ENABLED=false",
            ) from error


def _retire_outdated(settings: HostSettings, address: HostAddress) -> None:
    for other in host_addresses(settings, ".log"):
        if other.is_outdated_by(address) and not HostClient(address=other).stop(force=False):
            for path in (other.log, other.pid, other.socket):
                path.unlink(missing_ok=True)
