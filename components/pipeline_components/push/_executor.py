"""The body of `push`: what may be pushed, from where to where."""

import getpass
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline_components.errors import NoDestinationError
from pipeline_components.push import _servable
from pipeline_lib import InfraBlessing, Model, ModelBlessing, PipelineError, PushedModel
from pipeline_lib.artifacts.workspace import active_workspace
from pipeline_lib.serving.processes.background import with_running
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings


def refusal(blessing: ModelBlessing | None, infra_blessing: InfraBlessing | None) -> str | None:
    """Why a model must not be pushed, or None if it may."""
    if blessing is not None and not blessing.blessed:
        return f"the model is not blessed: {blessing.outcome}"
    if infra_blessing is not None and not infra_blessing.blessed:
        return "the model did not pass its trial in a server"
    return None


def settings(name: str, destination: str | None) -> ServingSettings:
    """Where the versions of a model live, and who serves them: the profile's, or a base path given.

    Raises:
        NoDestinationError: No destination is known, or the name is not that of one directory.
    """
    space = active_workspace()
    context: Mapping[str, Any] = space.context if space is not None else {}
    known = ServingSettings.model_validate(context.get("serving") or {"base_path": ""})
    if destination is not None and destination.rstrip("/") != known.base_path.rstrip("/"):
        # The profile's servers follow the profile's base path.
        known = known.model_copy(update={"base_path": destination, "replicas": ()}).resolved()
    if not known.base_path:
        raise NoDestinationError(
            f"nothing says where to push model {name!r} to",
            fix="set serving.base_path in the profile, or give push(destination=...)",
        )
    if not name or name.startswith(".") or "/" in name or "\\" in name:
        raise NoDestinationError(
            f"{name!r} cannot be the name of a served model", fix="use a plain directory name"
        )
    return with_running(known, name)


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


def publish(
    source: Path, name: str, known: ServingSettings, *, origin: Mapping[str, Any], wait_seconds: float
) -> Change | str:
    """Make a SavedModel the live version of a model, unless it already is.

    Args:
        source: Its directory.
        name: Of the model.
        known: Base path and servers.
        origin: What the ledger says of where it came from.
        wait_seconds: How long to wait for another push.

    Returns:
        The change; or why there is none: what was rolled back is not pushed again.
    """
    space = active_workspace()
    record = space.record if space is not None else _forget
    run = space.context.get("run_id") if space is not None else None
    target = ServingTarget(known, name, user=getpass.getuser(), wait_seconds=wait_seconds)
    reason = f"pushed by run {run}" if run else "pushed by hand"
    try:
        done = target.push(source, origin=origin, reason=reason)
    except PipelineError as error:
        record({"serving_target": target.base.uri, "model_name": name, "reason": error.summary})
        raise
    if isinstance(done, Change):
        record(done.facts())
        return done
    because = f": {done.reason}" if done.reason else ""
    return (
        f"{done.user or 'somebody'} rolled this model back at {done.at} (version {done.version}){because}; "
        f"`pipeline serving unblock {name}` allows it again"
    )


def _forget(facts: Mapping[str, Any]) -> None:
    """Where no execution is recorded."""
    del facts


def fill(pushed: PushedModel, done: Change | str, source: Path) -> None:
    """Say what was pushed, and keep a copy of it, as TFX does; or say why nothing was."""
    if isinstance(done, str):
        pushed.pushed, pushed.reason = False, done
        (pushed.path / "NOT_PUSHED").write_text(done + "\n")
        return
    shutil.copytree(source, pushed.path, dirs_exist_ok=True)
    pushed.pushed, pushed.pushed_version = True, str(done.version)
    pushed.pushed_destination = f"{done.serving_target}/{done.version}"
    pushed.model_name, pushed.live_at = done.model_name, done.live_at
