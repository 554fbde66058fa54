"""Plans from JSON text that somebody, or another version of the library, may have written."""

import difflib
import json
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from pipeline_lib.errors import PlanSyntaxError, PlanVersionError
from pipeline_lib.plan import models
from pipeline_lib.plan.validation import check_plan

_SHOWN_FAULTS = 5


def read_plan(path: Path) -> models.Plan:
    """A plan from a file.

    Raises:
        PlanSyntaxError: The file cannot be read, or is not a plan's JSON.
        PlanVersionError: It is of another schema version.
        PlanReferenceError, PlanCycleError, UngatedPushError: Its graph is wrong.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise PlanSyntaxError(
            f"the plan cannot be read: {error}", at=str(path), fix="write it with `pipeline compile`"
        ) from error
    return plan_from_text(text, at=str(path))


def plan_from_text(text: str, *, at: str = "plan") -> models.Plan:
    """A plan from its JSON.

    Args:
        text: What `Plan.to_text` gives, in any layout.
        at: Where it is from, for messages.

    Raises:
        PlanSyntaxError: It is not a plan's JSON.
        PlanVersionError: It is of another schema version.
        PlanReferenceError, PlanCycleError, UngatedPushError: Its graph is wrong.
    """
    try:
        record = json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        raise PlanSyntaxError(
            f"the plan is not JSON: {error.msg}",
            at=f"{at}:{error.lineno}:{error.colno}",
            fix="mend it there, or write it again with `pipeline compile`",
        ) from error
    except _DoubleKeyError as error:
        raise PlanSyntaxError(
            f"the key {error} stands twice in one object", at=at, fix="keep one of them"
        ) from error
    _check_version(record, at)
    try:
        plan = models.Plan.model_validate(record)
    except ValidationError as error:
        _raise_faults(error, record, at)
    check_plan(plan)
    return plan


class _DoubleKeyError(Exception):
    """Json would silently keep the last of two equal keys."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _DoubleKeyError(key)
        found[key] = value
    return found


def _check_version(record: Any, at: str) -> None:
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version is None:
        raise PlanSyntaxError(
            "this JSON is no plan: it has no schema_version",
            at=at,
            fix="write it with `pipeline compile NAME`",
        )
    if version != models.SCHEMA_VERSION or isinstance(version, bool):
        newer = isinstance(version, int) and version > models.SCHEMA_VERSION
        raise PlanVersionError(
            f"the plan has schema version {version!r}, and this library reads {models.SCHEMA_VERSION}",
            at=at,
            fix="update pipeline-lib" if newer else "compile the pipeline again",
        )


def _raise_faults(error: ValidationError, record: Any, at: str) -> NoReturn:
    faults = error.errors(include_url=False)
    lines = [f"{_where(fault['loc'], record)}: {fault['msg']}" for fault in faults[:_SHOWN_FAULTS]]
    if len(faults) > _SHOWN_FAULTS:
        lines.append(f"... and {len(faults) - _SHOWN_FAULTS} more")
    raise PlanSyntaxError(
        f"the plan has {len(faults)} part{'s' if len(faults) > 1 else ''} in another form than it should",
        faults="\n".join(lines),
        at=at,
        fix=_fix(faults[0]["type"], faults[0]["loc"]),
    ) from error


def _where(location: tuple[int | str, ...], record: Any) -> str:
    """`nodes.train.inputs.examples` rather than `nodes.2.inputs.examples`."""
    steps: list[str] = []
    for step in location:
        inner = record[step] if isinstance(record, list) and isinstance(step, int) else None
        named = inner if isinstance(inner, dict) else {}
        steps.append(str(named.get("id", named.get("name", step))))
        record = inner if inner is not None else record.get(step) if isinstance(record, dict) else None
    return ".".join(steps) or "plan"


def _fix(kind: str, location: tuple[int | str, ...]) -> str:
    if kind == "extra_forbidden":
        known = {name for model in _models() for name in model.model_fields}
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        return f"did you mean {near[0]}?" if near else f"remove {location[-1]}"
    return "mend it, or write the plan again with `pipeline compile`"


def _models() -> list[type[BaseModel]]:
    return [
        models.Plan,
        models.Node,
        models.InputPort,
        models.OutputPort,
        models.Options,
        models.CachePolicy,
        models.ApprovalRule,
        models.ArtifactTrigger,
        models.Loop,
        models.RunParameter,
        models.ArtifactType,
        models.CodeRef,
    ]
