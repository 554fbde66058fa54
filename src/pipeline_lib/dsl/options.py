"""Per-node options: given to `@component(...)`, overridden by `component.options(...)`."""

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipeline_lib.dsl.approvals import Approval, plan_rule
from pipeline_lib.dsl.places import Place, user_place
from pipeline_lib.errors import OptionError

if TYPE_CHECKING:
    from pipeline_lib.plan import models


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Whether and how a node's earlier results are used.

    Attributes:
        enabled: False: always execute, and never serve as a hit.
        max_age: A result older than that is not used.
        ignore: Parameters that do not enter the cache key.
        depends_on: Files, directories or modules that enter it, which no scan of imports can see.
        version: Raise it when the meaning of the outputs changes.
    """

    enabled: bool = True
    max_age: timedelta | None = None
    ignore: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    version: int = 0


_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "cache": ((bool, Cache), "pass True, False or Cache(...)"),
    "retries": ((int,), "pass a whole number"),
    "memory_mb": ((int,), "pass a whole number"),
    "cpus": ((int, float), "pass a number"),
    "executor_config": ((Mapping,), "pass a dict"),
    "beam": ((Mapping,), "pass a dict"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What of a node's execution the author set; None: not set.

    Attributes:
        retries: Further tries after the first.
        retry_delay: Before the second try; doubles with each further one.
        timeout: For one try.
        cpus: Processors the orchestrator should reserve; `memory_mb`: MiB.
        environment: Name of one of the profile's environments (another interpreter).
        beam: Beam options, merged over the profile's.
        approval: Who must agree first.
    """

    retries: int | None = None
    retry_delay: timedelta | None = None
    timeout: timedelta | None = None
    cache: Cache | bool | None = None
    cpus: float | None = None
    memory_mb: int | None = None
    pool: str | None = None
    queue: str | None = None
    priority: int | None = None
    executor_config: Mapping[str, Any] | None = None
    owner: str | None = None
    environment: str | None = None
    beam: Mapping[str, Any] | None = None
    approval: Approval | None = None

    def over(self, base: "NodeOptions") -> "NodeOptions":
        """These options, and those of `base` where these are not set."""
        mine = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return dataclasses.replace(base, **{name: value for name, value in mine.items() if value is not None})


def options_from(given: Mapping[str, Any]) -> NodeOptions:
    """Options as a decorator was given them.

    Raises:
        OptionError: There is no such option.
    """
    known = [field.name for field in dataclasses.fields(NodeOptions)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, [*known, "output", "driver"], n=1)
            raise OptionError(
                f"@component has no option {name}",
                at=str(user_place()),
                known=", ".join(known),
                fix=f"did you mean {near[0]}?" if near else "leave it out",
            )
    return NodeOptions(**given)


def plan_options(
    options: NodeOptions, *, node: str, parameters: Mapping[str, Any], at: Place
) -> "models.Options":
    """The options as the plan keeps them.

    Raises:
        OptionError: A value makes no sense, or `ignore` names no parameter.
    """
    from pydantic import ValidationError

    from pipeline_lib.plan import models

    _require_kinds(options, node, at)
    cache = options.cache if isinstance(options.cache, Cache) else Cache(enabled=options.cache is not False)
    plain = {
        name: getattr(options, name)
        for name in ("retries", "cpus", "memory_mb", "pool", "queue", "priority", "owner", "environment")
    }
    plain |= {
        "retry_delay_seconds": _seconds(options.retry_delay, node, "retry_delay", at),
        "timeout_seconds": _seconds(options.timeout, node, "timeout", at),
        "executor_config": None if options.executor_config is None else dict(options.executor_config),
        "beam": None if options.beam is None else dict(options.beam),
        "approval": None if options.approval is None else plan_rule(options.approval, node=node, at=str(at)),
    }
    try:
        checked = models.Options(
            cache=models.CachePolicy(
                enabled=cache.enabled,
                max_age_seconds=_seconds(cache.max_age, node, "max_age", at),
                ignore=tuple(cache.ignore),
                depends_on=tuple(cache.depends_on),
                version=cache.version,
            ),
            **{name: value for name, value in plain.items() if value is not None},
        )
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise OptionError(
            f"{node}: option {fault['loc'][0]} cannot be {fault['input']!r}", at=str(at), fix=fault["msg"]
        ) from error
    _check(options, cache, node=node, parameters=parameters, at=at)
    return checked


def _require_kinds(options: NodeOptions, node: str, at: Place) -> None:
    """`cache="no"` would be true, and `retries="3"` be compared with a number."""
    for name, (kinds, fix) in _KINDS.items():
        value = getattr(options, name)
        if value is not None and not isinstance(value, kinds):
            raise OptionError(f"{node}: {name} cannot be {value!r}", at=str(at), fix=fix)


def _check(
    options: NodeOptions, cache: Cache, *, node: str, parameters: Mapping[str, Any], at: Place
) -> None:
    least: dict[str, Any] = {
        "retries": 0,
        "retry_delay": timedelta(0),
        "timeout": timedelta(microseconds=1),
        "cpus": 0,
        "memory_mb": 1,
    }
    for name, bound in least.items():
        value = getattr(options, name)
        if value is not None and value < bound:
            raise OptionError(f"{node}: {name} cannot be {value}", at=str(at), fix=f"at least {bound}")
    for name in cache.ignore:
        if name not in parameters:
            raise OptionError(
                f"{node}: cache ignores {name}, which is no parameter",
                at=str(at),
                known=", ".join(parameters),
                fix="name a parameter; artifacts always enter the key",
            )


def _seconds(span: Any, node: str, name: str, at: Place) -> float | None:
    if span is None:
        return None
    if not isinstance(span, timedelta):
        raise OptionError(f"{node}: {name} cannot be {span!r}", at=str(at), fix="pass a timedelta")
    return span.total_seconds()
