"""Who is told how a run ended, or that somebody is waited for: Airflow's notifiers, named by the profile."""

import importlib
import os
from pathlib import Path
from typing import Any

from airflow.sdk.bases.notifier import BaseNotifier

from pipeline_lib.errors import NotifierError
from pipeline_lib.runtime.preparation import make_importable
from pipeline_lib.settings import DEFAULT_PROFILE, Moment, Profile, load_profile


def deployed_profile(name: str | None, project: Path | None) -> Profile:
    """The profile of a DAG, as far as it can be read where DAG files are.

    Tasks read it where they run, and fail if it is not there; a DAG file may be read elsewhere.

    Raises:
        ProfileError: It is there and wrong.
    """
    folder = (project or Path.cwd()) / "configs"
    chosen = name or os.environ.get("PIPELINE_PROFILE") or DEFAULT_PROFILE
    return load_profile(chosen, folder=folder) if (folder / f"{chosen}.yaml").exists() else Profile()


def notifiers_for(profile: Profile, moment: Moment, *, project: Path | None) -> list[BaseNotifier]:
    """New notifiers of the profile for that moment.

    Raises:
        NotifierError: One cannot be imported, is none, or refuses its arguments.
    """
    wanted = [found for found in profile.notifications if moment in found.on]
    if wanted:
        make_importable([(project or Path.cwd()) / path for path in profile.import_paths])
    return [_notifier(found.notifier, found.arguments) for found in wanted]


def _notifier(path: str, arguments: dict[str, Any]) -> BaseNotifier:
    module, _, name = path.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise NotifierError(
            f"the notifier {path} cannot be imported: {error}",
            fix="name it as package.module.Class; install its provider, or put it into the import_paths",
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, BaseNotifier)):
        raise NotifierError(f"{path} is no notifier", fix="name a subclass of airflow.sdk.BaseNotifier")
    try:
        made: BaseNotifier = kind(**arguments)
    except TypeError as error:
        raise NotifierError(
            f"the notifier {path} refuses its arguments: {error}",
            got=", ".join(arguments) or "none",
            fix="mend `arguments` in the profile",
        ) from error
    return made
