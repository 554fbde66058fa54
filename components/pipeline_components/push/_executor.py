"""The body of `push`: what may be pushed, from where to where, and the transaction itself."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline_components.errors import NoDestinationError
from pipeline_components.push import _servable
from pipeline_components.push._base import VersionBase, open_base
from pipeline_components.push._ledger import Entry
from pipeline_lib import InfraBlessing, Model, ModelBlessing
from pipeline_lib.artifacts.workspace import active_workspace


def refusal(blessing: ModelBlessing | None, infra_blessing: InfraBlessing | None) -> str | None:
    """Why a model must not be pushed, or None if it may."""
    if blessing is not None and not blessing.blessed:
        return f"the model is not blessed: {blessing.outcome}"
    if infra_blessing is not None and not infra_blessing.blessed:
        return "the model did not pass its trial in a server"
    return None


def base_path(name: str, destination: str | None) -> str:
    """Where the versions of a model live.

    Raises:
        NoDestinationError: No destination is known, or the name is not that of one directory.
    """
    space = active_workspace()
    root = destination or (space.context.get("serving_base_path") if space is not None else None)
    if not root:
        raise NoDestinationError(
            f"nothing says where to push model {name!r} to",
            fix="set serving.base_path in the profile, or give push(destination=...)",
        )
    if not name or name.startswith(".") or "/" in name or "\\" in name:
        raise NoDestinationError(
            f"{name!r} cannot be the name of a served model", fix="use a plain directory name"
        )
    return f"{str(root).rstrip('/')}/{name}"


def servable(model: Model, infra_blessing: InfraBlessing | None) -> Path:
    """The directory with the SavedModel to push.

    Raises:
        NotServableError: It is not complete.
    """
    if infra_blessing is not None and infra_blessing.has_model:
        source = infra_blessing.path / "stamped_model"
    else:
        source = model.path / "Format-Serving"
    _servable.require_complete(source)
    return source


def publish(source: Path, base: str, *, origin: Mapping[str, Any], wait_seconds: float) -> int:
    """Make a directory the newest version under a base path, unless it already is.

    Args:
        source: A SavedModel.
        base: Local directory or URL of the model's versions.
        origin: What the ledger says of where it came from.
        wait_seconds: How long to wait for another push.

    Returns:
        The version that now holds it.

    Raises:
        PushFailedError: The destination refused a write.
        PushBusyError: Another push did not end in time.
    """
    versions: VersionBase = open_base(base)
    content = _servable.content(source)
    with versions.locked(wait_seconds):
        versions.clear_leftovers()
        ledger = versions.read_ledger()
        existing = versions.existing()
        newest = max(existing, default=None)
        if newest is not None and ledger.holds(newest, content) and versions.matches(newest, content):
            return newest
        version = ledger.next_version(existing)
        # The ledger first: a push that dies from here on wastes a number, and never reuses one.
        versions.write_ledger(ledger.having(version, Entry.now(content, origin)))
        versions.write_version(version, source, content)
    return version


def archive(source: Path, directory: Path) -> None:
    """Keep a copy of what was pushed, as TFX does."""
    shutil.copytree(source, directory, dirs_exist_ok=True)
