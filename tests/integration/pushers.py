"""Pushes and rollbacks in processes that may be killed; forked where TensorFlow is loaded already."""

import multiprocessing
import os
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings

Action = Literal["push", "rollback"]


def change(settings: str, name: str, action: Action, model: str, fault: str | None) -> None:
    """What the process does; its exit code is 1 if that fails."""
    if fault is not None:
        os.environ["PIPELINE_FAULT"] = fault
    target = ServingTarget(ServingSettings.model_validate_json(settings), name, user="killed")
    if action == "push":
        target.push(Path(model), origin={}, reason=f"fault {fault}")
    else:
        target.move("rollback", None, reason=f"fault {fault}")


def start(
    settings: ServingSettings,
    name: str,
    action: Action,
    model: Path | None = None,
    *,
    fault: str | None = None,
) -> BaseProcess:
    """A process that makes a change, and comes to a fault while it does."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["pipeline_lib.serving.clients.rpc", "integration.pushers"])
    given = (settings.model_dump_json(), name, action, str(model), fault)
    process = forks.Process(target=change, args=given)
    process.start()
    return process
