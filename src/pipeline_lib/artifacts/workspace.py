"""What a component's body sees of the execution it runs in: where outputs go, how remote inputs are read.

The executor opens one workspace around each body; a unit test opens one with `workspace(tmp_path)`.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline_lib.errors import NoWorkspaceError


def _local_only(uri: str, digest: str) -> Path:
    """Without a launcher every uri is a local path."""
    del digest
    return Path(uri.removeprefix("file://"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One execution's surroundings.

    Attributes:
        staging: Directory for outputs; what is in it is published by the launcher or thrown away.
        kept: Where files of a failed execution are kept, as the beginning of their paths; None: in staging.
        localise: Gives a local path for an input artifact's uri and content digest (a copy, if remote).
        verify_code: Raises if source that was just imported is not what the cache key counts.
        storage_options: What fsspec needs for remote inputs; secrets in them are references.
        beam: `runner` and `options` of the profile, merged with the node's.
        record: Receives facts as plain JSON by name, to be kept with the execution, failed or not.
        report: Receives progress as plain values (`{"epoch": 3, "loss": 0.4}`) while the body runs.
        context: Names of what is running: `pipeline`, `run_id`, `node`, `execution_id`, `span`.
    """

    staging: Path
    kept: Path | None = None
    localise: Callable[[str, str], Path] = _local_only
    verify_code: Callable[[], None] = lambda: None
    storage_options: Mapping[str, Any] = field(default_factory=dict)
    beam: Mapping[str, Any] = field(default_factory=dict)
    report: Callable[[Mapping[str, Any]], None] = lambda _: None
    record: Callable[[Mapping[str, Any]], None] = lambda _: None
    context: Mapping[str, Any] = field(default_factory=dict)

    def new_directory(self, type_name: str) -> Path:
        """Make an empty directory for one more output."""
        self.staging.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{type_name}-", dir=self.staging))

    def keep(self, file: Path) -> Path:
        """Save a file from the end of a failing execution, which throws its outputs away.

        Args:
            file: In an output; what the error that is about to be raised speaks of.

        Returns:
            Where it is kept: beside the execution's log.
        """
        if self.kept is None:
            return file
        place = self.kept.with_name(f"{self.kept.name}.{file.name}")
        place.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(file, place))


_current: ContextVar[Workspace | None] = ContextVar("workspace", default=None)


def current_workspace() -> Workspace:
    """The workspace of the body that is being executed.

    Raises:
        NoWorkspaceError: No component is being executed here.
    """
    found = _current.get()
    if found is None:
        raise NoWorkspaceError(
            "an output artifact was made outside a component's body",
            fix="make it inside a @component; a test opens `with workspace(tmp_path):` around `run`",
        )
    return found


def active_workspace() -> Workspace | None:
    """The workspace of the body that is being executed, or None."""
    return _current.get()


@contextmanager
def use_workspace(space: Workspace) -> Iterator[Workspace]:
    """Make `space` the current one for the block."""
    token = _current.set(space)
    try:
        yield space
    finally:
        _current.reset(token)


@contextmanager
def workspace(directory: Path) -> Iterator[Workspace]:
    """For tests and notebooks: outputs of `component.run(...)` go under `directory` and stay there."""
    with use_workspace(Workspace(staging=directory)) as space:
        yield space
