"""Where executor hosts listen: a socket, private to the user, per interpreter, environment and library."""

import contextlib
import fcntl
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline_lib.errors import HostUnavailableError
from pipeline_lib.hashing import digest

if TYPE_CHECKING:  # the host's process does without its import
    from pipeline_lib.settings import HostSettings

# The kernel takes 107 bytes; the socket's own name needs some of them.
LONGEST_PATH = 100
# Read by libraries while they are imported: a host is only good for clients that have the same.
_READ_ON_IMPORT = ("PYTHON", "TF_", "KERAS_", "CUDA_", "XLA_", "OMP_", "OPENBLAS_", "MKL_", "LD_", "JAX_")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAddress:
    """Files of one host: its socket, its process id, its log.

    Attributes:
        directory: Mode 0700, owned by the user.
        key: Digests of the interpreter, of the release (environment and library), and of the rest that a
            host is made for. A host of this interpreter and another release is of no more use.
    """

    directory: Path
    key: str

    @property
    def socket(self) -> Path:
        """The Unix socket."""
        return self.directory / f"{self.key}.sock"

    @property
    def log(self) -> Path:
        """What the host itself prints."""
        return self.directory / f"{self.key}.log"

    @property
    def pid(self) -> Path:
        """The host's process id, for ending one that does not answer."""
        return self.directory / f"{self.key}.pid"

    @property
    def release(self) -> str:
        """The part of the key that changes with the environment and the library."""
        return self.key.split("-")[1]

    def is_outdated_by(self, other: "HostAddress") -> bool:
        """Whether that is the same interpreter after a change of environment or library."""
        return self.key.split("-")[0] == other.key.split("-")[0] and self.release != other.release

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock under which hosts are started; one for all of them, held for milliseconds."""
        descriptor = os.open(self.directory / "hosts.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def host_address(settings: "HostSettings", environment_digest: str, *, light: bool = False) -> HostAddress:
    """The address of the host for this interpreter, environment and version of the library.

    Args:
        settings: Where hosts have their sockets.
        environment_digest: Of the installed distributions.
        light: The host for components that need nothing slow to import: it is there in half a second,
            when the other is still importing.

    Raises:
        HostUnavailableError: The directory is somebody else's, or open to others.
    """
    interpreter = digest("interpreter", sys.executable)
    release = digest("host-release", [environment_digest, _library_stamp()])
    rest = digest("host-rest", {"light": light, "variables": import_time_variables(os.environ)})
    key = "-".join(part[:8] for part in (interpreter, release, rest))
    return HostAddress(directory=host_directory(settings), key=key)


def host_addresses(settings: "HostSettings", suffix: str = ".sock") -> list[HostAddress]:
    """Where this user's hosts are, or were.

    Args:
        settings: Where hosts have their sockets.
        suffix: Of the files to go by; `.log` finds hosts that ended, too.

    Raises:
        HostUnavailableError: The directory is somebody else's, or open to others.
    """
    directory = host_directory(settings)
    return [HostAddress(directory=directory, key=path.stem) for path in sorted(directory.glob(f"*{suffix}"))]


def import_time_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of the environment variables that change what an import does."""
    return {name: value for name, value in environ.items() if name.startswith(_READ_ON_IMPORT)}


def host_directory(settings: "HostSettings") -> Path:
    """The directory of this user's hosts, made if need be.

    Raises:
        HostUnavailableError: It cannot be made, is somebody else's, or open to others.
    """
    directory = _short_enough(settings.directory or _default_directory())
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HostUnavailableError(
            f"the directory of the executor host cannot be made: {error.strerror}",
            at=str(directory),
            fix="set PIPELINE_HOST__DIRECTORY to a directory of yours",
        ) from error
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise HostUnavailableError(
            "the directory of the executor host must be a directory of yours that nobody else can enter",
            at=str(directory),
            got=f"owner {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o}",
            fix=f"remove it or `chmod 700 {directory}`, or set PIPELINE_HOST__DIRECTORY to another",
        )
    return directory


def _default_directory() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # After `su` it is still the other user's.
    if runtime and Path(runtime).is_dir() and Path(runtime).stat().st_uid == os.geteuid():
        return Path(runtime) / "pipeline-lib"
    return Path(tempfile.gettempdir()) / f"pipeline-lib-{os.geteuid()}"


def _short_enough(directory: Path) -> Path:
    directory = directory.absolute()
    if len(os.fsencode(directory / ("0" * 26 + ".sock"))) < LONGEST_PATH:
        return directory
    return Path("/tmp") / f"pipeline-lib-{os.geteuid()}-{digest('path', str(directory))[:8]}"  # noqa: S108  checked above


def _library_stamp() -> str:
    """Changes with every edit of the library: the host has its modules in memory."""
    root = str(Path(__file__).parents[2])
    files = []
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".py"):
                file = os.path.join(folder, name)  # noqa: PTH118  hundreds of files before each execution
                status = os.stat(file)  # noqa: PTH116
                files.append((file.removeprefix(root), status.st_mtime_ns, status.st_size))
    return digest("library-stamp", sorted(files))
