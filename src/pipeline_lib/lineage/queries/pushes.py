"""When a model was pushed, when it was live, what replaced it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline_lib.lineage.queries.graph import outputs_of
from pipeline_lib.lineage.queries.timeline import Change, change_of, successor
from pipeline_lib.metadata.marks import PUSHED_MODEL, MarkKind, marks_of, target_of
from pipeline_lib.metadata.records import StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store

_MOST_MOVES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A time in which a version was what a target served by default.

    Attributes:
        kind: What made it live: `push`, `rollback` or `promote`.
        until: None if it still is.
        reason, user: Of the change that made it live.
    """

    kind: str
    since: datetime
    until: datetime | None
    replaced_by: str
    reason: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One push of the model.

    Attributes:
        target: The directory a server polls.
        replaced_by: The version that first took its place, or "".
        replaced_at: When that was.
        refused: Why nothing was pushed, or "".
        live: Every time in which the version was live, as far as it is recorded; a rollback makes it live
            again. Only the first push of a version has them.
    """

    artifact_id: int
    run_id: str
    user: str
    target: str
    version: str
    pushed_at: datetime
    refused: str = ""
    replaced_by: str = ""
    replaced_at: datetime | None = None
    live: tuple[Period, ...] = field(default=())

    @property
    def serving(self) -> bool:
        """Whether it is live now."""
        return any(period.until is None for period in self.live)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The pushes of a model, and what could not be read of them.

    Attributes:
        cut: Targets that changed so often since that not all of it was read.
    """

    pushes: tuple[Push, ...]
    cut: tuple[str, ...] = ()


def plain_pushes(users: Sequence[StoredExecution]) -> tuple[Push, ...]:
    """The pushes among the executions that used a model, without what came later: no store call."""
    return tuple(_push(execution, artifact) for execution, artifact in _pushed(users))


def pushes_of(store: Store, users: Sequence[StoredExecution]) -> Served:
    """The pushes among the executions that used a model, and when each version was live.

    One store call for what moved these versions later (a rollback reads a pushed model), and one or two for
    the end of each time; at most 20 of them.
    """
    made = _pushed(users)
    ids = sorted({artifact.id for _, artifact in made if artifact.properties.get("pushed")})
    moves = store.consumers(ids, limit=_MOST_MOVES) if ids else ()
    starts = [
        change
        for execution in sorted([*(execution for execution, _ in made), *moves], key=lambda one: one.id)
        if (target := _target(execution)) and (change := change_of(execution, target)) and change.stable
    ]
    periods, cut = _periods(store, starts)
    told: set[tuple[str, str]] = set()
    pushes = []
    for execution, artifact in made:
        push = _push(execution, artifact)
        place = (push.target, push.version)
        live = () if push.refused or place in told else periods.get(place, ())
        told.add(place)
        first = live[0] if live else None
        pushes.append(
            replace(
                push,
                live=live,
                replaced_by="" if first is None else first.replaced_by,
                replaced_at=None if first is None else first.until,
            )
        )
    return Served(pushes=tuple(pushes), cut=cut)


def _periods(
    store: Store, starts: Sequence[Change]
) -> tuple[dict[tuple[str, str], tuple[Period, ...]], tuple[str, ...]]:
    """The times of each target and version, oldest first."""
    found: dict[tuple[str, str], tuple[Period, ...]] = {}
    cut = {change.target for change in starts[_MOST_MOVES:]}
    for change in starts[:_MOST_MOVES]:
        place = (change.target, change.version)
        before = found.get(place, ())
        if before and (before[-1].until is None or change.live_at < before[-1].until):
            continue  # made live again while it was: it went on
        later, certain = successor(store, change.target, change.execution_id, change.version)
        cut |= set() if certain else {change.target}
        period = Period(
            kind=change.kind,
            since=change.live_at,
            until=None if later is None else later.live_at,
            replaced_by="" if later is None else later.version,
            reason=change.reason,
            user=change.user,
        )
        found[place] = (*before, period)
    return found, tuple(sorted(cut))


def _target(execution: StoredExecution) -> str:
    marks = marks_of(execution.parameters, execution.facts, execution.outputs)
    return next((mark.text for mark in marks if mark.kind is MarkKind.TARGET), "")


def _pushed(users: Sequence[StoredExecution]) -> list[tuple[StoredExecution, StoredArtifact]]:
    return [
        (execution, artifact)
        for execution in users
        for artifact in outputs_of(execution)
        if artifact.type_name == PUSHED_MODEL
    ]


def _push(execution: StoredExecution, artifact: StoredArtifact) -> Push:
    pushed = bool(artifact.properties.get("pushed"))
    return Push(
        artifact_id=artifact.id,
        run_id=execution.key.run_id,
        user=str(execution.facts.get("user", "")),
        target=_target(execution) or target_of(artifact.properties),
        version=str(artifact.properties.get("pushed_version") or ""),
        pushed_at=artifact.created_at,
        refused="" if pushed else str(artifact.properties.get("reason") or "not blessed"),
    )
