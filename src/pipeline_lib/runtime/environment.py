"""What surrounds an execution and is worth recording: installed distributions, git commit, who, where."""

import getpass
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib import plugins
from pipeline_lib.hashing import digest
from pipeline_lib.runtime.leases import machine_facts

_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "GRPC_VERBOSITY": "ERROR",
    "GLOG_minloglevel": "2",
    "ABSL_MIN_LOG_LEVEL": "2",
}
_OF_A_TASK = "AIRFLOW_CTX_"


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for a process that executes components.

    Without Airflow's settings, which name its database and its keys, and with the plugins of Pydantic that
    the command does without; and where they say nothing, TensorFlow and gRPC keep their start-up notes to
    themselves.
    """
    airflow = {name for name in environ if name.startswith("AIRFLOW_") and not name.startswith(_OF_A_TASK)}
    given = plugins.as_given(environ)
    return {**_QUIET, **{name: text for name, text in given.items() if name not in airflow}}


def installed_distributions(paths: Iterable[str] | None = None) -> dict[str, str]:
    """Versions of the distributions that can be imported, by normalised name.

    Read from the names of their metadata folders: opening 300 files would take a tenth of a second.

    Args:
        paths: Directories to look in; `sys.path` by default. An earlier one shadows a later.
    """
    found: dict[str, str] = {}
    for path in sys.path if paths is None else paths:
        try:
            entries = os.scandir(path or ".")
        except OSError:
            continue
        with entries:
            for entry in entries:
                stem, dot, suffix = entry.name.rpartition(".")
                if not dot or suffix not in ("dist-info", "egg-info"):
                    continue
                name, _, version = stem.partition("-")
                normal = name.lower().replace("_", "-").replace(".", "-")
                found.setdefault(normal, version.partition("-py")[0])
    return found


def environment_digest() -> str:
    """Digest of interpreter version and installed distributions; the same on every machine that has these."""
    return digest(
        "environment",
        {
            "implementation": platform.python_implementation(),
            "python": platform.python_version(),
            "distributions": installed_distributions(),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GitState:
    """The commit that is checked out, "" outside a repository; and whether tracked files differ from it."""

    commit: str = ""
    dirty: bool = False


def git_state(directory: Path) -> GitState:
    """State of the git repository around a directory; an empty one without git or repository."""
    command = ["git", "--no-optional-locks", "-C", str(directory), "status"]
    command += ["--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return GitState()
    if done.returncode != 0:
        return GitState()
    commit, dirty = "", False
    for line in done.stdout.splitlines():
        if line.startswith("# branch.oid "):
            commit = line.removeprefix("# branch.oid ")
        elif not line.startswith("#"):
            dirty = True
    return GitState(commit="" if commit == "(initial)" else commit, dirty=dirty)


# Wherever git is called from: patterns from the top of the working copy.
_FIRST_PARTY = (":/*.py", ":/*.sql", ":/*pyproject.toml", ":/*requirements*.txt", ":/*.lock")


def git_diff(directory: Path) -> str:
    """How tracked first-party files differ from the commit; "" if they do not, or git cannot tell.

    Only code and what decides its environment: data and configurations may hold what is nobody's business.
    """
    command = ["git", "--no-optional-locks", "-C", str(directory), "-c", "core.quotepath=off", "diff"]
    command += ["--no-color", "--no-ext-diff", "--no-textconv", "HEAD", "--", *_FIRST_PARTY]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", errors="replace") if done.returncode == 0 else ""


def user_name() -> str:
    """Who runs this; the number where the user has no name (a container)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def surroundings(directory: Path) -> dict[str, Any]:
    """All of it as plain JSON: git commit and dirty flag, environment digest, user, host, pid."""
    git = git_state(directory)
    return {
        "git_commit": git.commit,
        "git_dirty": git.dirty,
        "environment_digest": environment_digest(),
        "user": user_name(),
        **machine_facts(),
        "pid": os.getpid(),
    }
