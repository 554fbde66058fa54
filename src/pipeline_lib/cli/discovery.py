"""Finding pipelines by name in a profile's import paths: `<path>/<folder>/pipeline.py`."""

import difflib
import importlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline_lib.dsl.pipeline import Pipeline
from pipeline_lib.dsl.places import last_user_place, shown_path
from pipeline_lib.errors import PipelineError, UnknownPipelineError


def importable_pipelines(
    import_paths: Sequence[Path],
) -> tuple[list[Pipeline[..., Any]], list[PipelineError]]:
    """Every pipeline found, by folder, and what keeps the others from being imported."""
    found: list[Pipeline[..., Any]] = []
    errors: list[PipelineError] = []
    for module in _modules(import_paths):
        try:
            found.extend(_defined_in(module))
        except PipelineError as error:
            errors.append(error)
    return found, errors


def find_pipeline(name: str, import_paths: Sequence[Path]) -> Pipeline[..., Any]:
    """The pipeline of that name (`-` and `_` are the same).

    Raises:
        UnknownPipelineError: There is none, or its module cannot be imported.
    """
    wanted = _key(name)
    folders = {module.partition(".")[0]: module for module in _modules(import_paths)}
    if wanted in folders:  # spares importing the others
        for pipeline in _defined_in(folders[wanted]):
            if _key(pipeline.name) == wanted:
                return pipeline
    found, errors = importable_pipelines(import_paths)
    known = {_key(pipeline.name): pipeline for pipeline in found}
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=1)
    lacking = [str(path) for path in import_paths if not path.is_dir()]
    fix = "run in the project's folder, or set import_paths in the profile"
    if near:
        fix = f"did you mean {known[near[0]].name}?"
    elif lacking:
        fix = f"there is no folder {lacking[0]}: {fix}"
    raise UnknownPipelineError(
        f"there is no pipeline {name}",
        pipelines=", ".join(pipeline.name for pipeline in found) or "none",
        broken="; ".join(error.summary for error in errors) or None,
        at=", ".join(str(path) for path in import_paths),
        fix=fix,
    )


def _key(name: str) -> str:
    return name.replace("-", "_")


def _modules(import_paths: Sequence[Path]) -> list[str]:
    found: list[str] = []
    for path in import_paths:
        root = str(path.resolve())
        if root not in sys.path:
            sys.path.insert(0, root)
        found.extend(f"{file.parent.name}.pipeline" for file in sorted(path.glob("*/pipeline.py")))
    return found


def _place(error: Exception) -> str:
    """Where the user's code went wrong; importing it is all that happened."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{shown_path(error.filename)}:{error.lineno}"
    place = last_user_place(error)
    return str(place) if place else ""


def _message(error: Exception) -> str:
    return str(error.msg) if isinstance(error, SyntaxError) else str(error)


def _near_name(error: Exception) -> str | None:
    """What a `from package import name` that failed may have meant."""
    asked = re.match(r"cannot import name '(\w+)'", str(error))
    module = sys.modules.get(getattr(error, "name", None) or "")
    if asked is None or module is None:
        return None
    near = difflib.get_close_matches(asked[1], {*dir(module), *getattr(module, "__all__", ())}, n=1)
    return f"did you mean {near[0]}?" if near else None


def _defined_in(module_name: str) -> list[Pipeline[..., Any]]:
    try:
        module = importlib.import_module(module_name)
    except PipelineError:
        raise
    except Exception as error:
        raise UnknownPipelineError(
            f"{module_name} cannot be imported: {type(error).__name__}: {_message(error)}",
            at=_place(error) or module_name,
            fix=_near_name(error)
            or "mend the module; `python -c 'import " + module_name + "'` shows the traceback",
        ) from error
    return [
        value
        for value in vars(module).values()
        if isinstance(value, Pipeline) and value.__module__ == module_name
    ]
