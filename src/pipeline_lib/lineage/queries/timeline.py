"""What a server served when: every recorded change of a serving target, newest first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from pipeline_lib.errors import AmbiguousSubjectError, UnknownSubjectError
from pipeline_lib.lineage.queries.graph import inputs_of, outputs_of
from pipeline_lib.lineage.queries.paging import FIRST_PAGE, Page, PageRequest, cursor_for, place_of
from pipeline_lib.metadata.marks import PUSHED_MODEL, Mark, MarkKind
from pipeline_lib.metadata.records import Slice, StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store

STABLE, CANARY = "stable", "canary"
# Changes of the label `stable`; what else there is concerns a canary beside it.
_STABLE_KINDS = ("push", "rollback", "promote")
_TARGETS = 1_000
# Changes read at first, and where those do not tell.
_FEW, _MANY = 5, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of what a server serves.

    Attributes:
        kind: `push`, `rollback`, `promote`, `canary` or `abort`.
        target: The directory that the server polls.
        version: That became live, as the server knows it; "" where none is recorded.
        label: `stable`, or `canary` for one beside it.
        traffic: Percent of requests, of a canary.
        live_at: When the server confirmed it, or, without a server, when it was in place.
        live_until: When another version took its place; None for what still serves, and for canaries.
        replaced_by: That other version, or "".
        pushed_id, model_id: The pushed model and the model behind it, as artifacts; None if not recorded.
    """

    execution_id: int
    kind: str
    target: str
    model_name: str
    version: str
    previous_version: str
    label: str
    traffic: float | None
    reason: str
    user: str
    run_id: str
    live_at: datetime
    live_until: datetime | None = None
    replaced_by: str = ""
    pushed_id: int | None = None
    model_id: int | None = None

    @property
    def stable(self) -> bool:
        """Whether it changed what answers by default."""
        return self.label == STABLE and self.kind in _STABLE_KINDS


def targets(store: Store) -> tuple[str, ...]:
    """Every serving target that anything was ever pushed to, sorted; at most 1000."""
    found = store.marks(MarkKind.TARGET, Slice(limit=_TARGETS, oldest_first=True))
    return tuple(sorted({mark.text for mark in found}))


def timeline(store: Store, target: str, *, page: PageRequest = FIRST_PAGE) -> Page[Change]:
    """What was live on a target, newest change first.

    Args:
        store: Where the runs are recorded.
        target: The base path a server polls, or its last part where that is unique.
        page: Which page.

    Raises:
        UnknownSubjectError: Nothing was ever pushed there.
        AmbiguousSubjectError: Several targets end in that name.
        LineageQueryError: The cursor is not one of this target.
    """
    full = find_target(store, target)
    question = ["timeline", full]
    place = place_of(question, page)
    found = changes(store, full, Slice(limit=page.size + 1, before=place.get("before")))
    newer = _newer(store, full, place.get("before"))
    shown = _with_ends(found[: page.size], newer)
    more = len(found) > page.size
    cursor = cursor_for(question, {"before": shown[-1].execution_id}) if more else None
    return Page(items=_with_models(store, shown), next_cursor=cursor)


def find_target(store: Store, text: str) -> str:
    """The full base path of a target.

    Raises:
        UnknownSubjectError: There is none of that path or name.
        AmbiguousSubjectError: There are several of that name.
    """
    known = targets(store)
    if text in known:
        return text
    named = [target for target in known if PurePosixPath(target).name == text]
    if not named:
        raise UnknownSubjectError(
            f"nothing was pushed to {text}",
            targets=", ".join(known[:5]) or "none",
            fix="`pipeline lineage timeline` lists the targets",
        )
    if len(named) > 1:
        raise AmbiguousSubjectError(
            f"{text} stands for several targets", targets=", ".join(named), fix="give the whole path"
        )
    return named[0]


def changes(store: Store, target: str, within: Slice) -> tuple[Change, ...]:
    """Changes of a target without ends and models: one call."""
    found = store.marked(Mark(kind=MarkKind.TARGET, text=target), within)
    made = (change_of(execution, target) for execution in found)
    return tuple(change for change in made if change is not None)


def successor(store: Store, target: str, execution_id: int, version: str) -> tuple[Change | None, bool]:
    """The first later change that made another version live by default; and whether that is certain.

    Whoever changes a target a hundred times without changing what it serves by default is not followed.
    """
    for limit in (_FEW, _MANY):
        within = Slice(limit=limit, after=execution_id, oldest_first=True)
        found = changes(store, target, within)
        for change in found:
            if change.stable and change.version != version:
                return change, True
        if len(found) < limit:
            return None, True
    return None, False


def live_at(store: Store, target: str, at: datetime) -> Change | None:
    """The change that made live what a target served by default at a time; None before the first.

    An execution is recorded when it starts and is live a little later, so some around the time are read.
    """
    before: int | None = None
    limit = _FEW
    while found := changes(store, target, Slice(limit=limit, before=before, made_before=at)):
        stable = [change for change in found if change.stable and change.live_at <= at]
        if stable:
            return max(stable, key=lambda change: (change.live_at, change.execution_id))
        before, limit = found[-1].execution_id, _MANY
    return None


def live_now(store: Store, *names: str) -> tuple[Change, ...]:
    """What targets serve, in their order: of each the stable version, and a canary if there is one.

    A store call or two for each target, and one for the models of all.
    """
    return _with_models(store, [change for target in names for change in _live(store, target)])


def _live(store: Store, target: str) -> tuple[Change, ...]:
    found: tuple[Change, ...] = ()
    for limit in (_FEW, _MANY):
        found = changes(store, target, Slice(limit=limit))
        if len(found) < limit or any(change.stable for change in found):
            break
    stable = next((change for change in found if change.stable), None)
    latest = found[0] if found else None
    beside = [latest] if latest is not None and latest.label == CANARY and latest.kind != "abort" else []
    return tuple(change for change in (stable, *beside) if change is not None)


def _newer(store: Store, target: str, before: int | None) -> tuple[Change, ...]:
    """The few changes after a page, which end its first items."""
    if before is None:
        return ()
    found: tuple[Change, ...] = ()
    for limit in (_FEW, _MANY):
        found = changes(store, target, Slice(limit=limit, after=before - 1, oldest_first=True))
        if len(found) < limit or any(change.stable for change in found):
            break
    return tuple(reversed(found))


def _with_ends(found: Sequence[Change], newer: Sequence[Change]) -> tuple[Change, ...]:
    """Newest first: each stable change ends where the next one with another version begins."""
    ended: list[Change] = []
    following: Change | None = None
    for change in (*newer, *found):
        ended.append(_ended_by(change, following) if change.stable else change)
        following = ended[-1] if change.stable else following
    return tuple(ended[len(newer) :])


def _ended_by(change: Change, following: Change | None) -> Change:
    if following is None:
        return change
    if following.version == change.version:  # pushed again: it went on
        return replace(change, live_until=following.live_until, replaced_by=following.replaced_by)
    return replace(change, live_until=following.live_at, replaced_by=following.version)


def _with_models(store: Store, found: Sequence[Change]) -> tuple[Change, ...]:
    """Of changes that used a pushed model (a rollback does), the model behind it: one call for all."""
    unknown = sorted({c.pushed_id for c in found if c.model_id is None and c.pushed_id is not None})
    models: dict[int, int] = {}
    for execution in store.producers(unknown) if unknown else ():
        model = _first(inputs_of(execution), "Model")
        if model is not None:
            models |= {artifact.id: model.id for artifact in outputs_of(execution)}
    return tuple(
        replace(change, model_id=models.get(change.pushed_id))
        if change.model_id is None and change.pushed_id is not None
        else change
        for change in found
    )


def change_of(execution: StoredExecution, target: str) -> Change | None:
    """An execution as a change of a target; None for one that pushed nothing."""
    pushed = _first((*outputs_of(execution), *inputs_of(execution)), PUSHED_MODEL)
    if pushed is not None and pushed.properties.get("pushed") is False:
        return None
    told: Mapping[str, Any] = {
        **(pushed.properties if pushed is not None else {}),
        **execution.parameters,
        **execution.facts,
    }
    kind = execution.type_name.rpartition(".")[2]
    model = _first(inputs_of(execution), "Model")
    traffic = told.get("traffic")
    return Change(
        execution_id=execution.id,
        kind=kind if execution.type_name.startswith("serving.") else "push",
        target=target,
        model_name=str(told.get("model_name") or PurePosixPath(target).name),
        version=_version(execution, pushed),
        previous_version=_text(told.get("previous_version")),
        label=str(told.get("label") or (CANARY if kind in ("canary", "abort") else STABLE)),
        traffic=float(traffic) if isinstance(traffic, int | float) else None,
        reason=str(told.get("reason") or ""),
        user=str(told.get("user") or ""),
        run_id=execution.key.run_id,
        live_at=_time(told.get("live_at"), pushed, execution),
        pushed_id=None if pushed is None else pushed.id,
        model_id=None if model is None else model.id,
    )


def _version(execution: StoredExecution, pushed: StoredArtifact | None) -> str:
    told = [execution.facts.get("version"), execution.parameters.get("version")]
    told += [pushed.properties.get("pushed_version")] if pushed is not None else []
    return next((str(version) for version in told if version is not None), "")


def _time(text: Any, pushed: StoredArtifact | None, execution: StoredExecution) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        made_here = pushed is not None and pushed in outputs_of(execution)
        return pushed.created_at if pushed is not None and made_here else execution.updated_at
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _first(artifacts: Iterable[StoredArtifact], type_name: str) -> StoredArtifact | None:
    return next((artifact for artifact in artifacts if artifact.type_name == type_name), None)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
