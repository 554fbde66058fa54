"""Why a node is executed again: the first part in which its key differs from the nearest earlier one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any, Literal

from pipeline_lib.caching.key import KeyParts
from pipeline_lib.hashing import canonical_json
from pipeline_lib.metadata.records import Ports, State, StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store

ReasonKind = Literal[
    "no_history",
    "component",
    "cache_version",
    "source",
    "name",
    "parameter",
    "distribution",
    "input",
    "expired",
    "damaged",
    "off",
    "forced",
    "pending",
]
_LONGEST_VALUE = 48
_HISTORY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One part of a key that differs.

    Attributes:
        name: A file, a name that a package passes on (`package/__init__.py:name`), a parameter (`tuning.lr`
            for a part of one), a port, a distribution.
        before: Of the nearest earlier execution, as short text; None: it was not there.
        after: Of this one; None: it is no longer there.
    """

    kind: ReasonKind
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a node is executed.

    Attributes:
        text: For a table's cell: `model.py changed`, `train_steps: 1000 -> 2000`.
        detail: Everything that differs, the part named first in front.
    """

    kind: ReasonKind
    text: str
    detail: tuple[Change, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, for `--json` and the store."""
        return {"kind": self.kind, "text": self.text, "detail": [asdict(change) for change in self.detail]}


OFF = Reason(kind="off", text="caching is off for this node")
FORCED = Reason(kind="forced", text="forced")


def expired(age: timedelta, allowed: timedelta) -> Reason:
    """There is a result, but it is too old; one from the future has an age that nobody knows."""
    if age < timedelta(0):
        text = f"the result is dated {_span(-age)} ahead of this clock, {_span(allowed)} are allowed"
        return Reason(kind="expired", text=text)
    return Reason(kind="expired", text=f"the result is {_span(age)} old, {_span(allowed)} are allowed")


def damaged(artifact: StoredArtifact, port: str, what: str, place: str | None) -> Reason:
    """There is a result, but its files are not what was published.

    Args:
        artifact: The output.
        port: Where it was put out.
        what: What is wrong, one sentence.
        place: The file or directory.
    """
    change = Change(kind="damaged", name=port, before=f"{artifact.type_name} {artifact.id}", after=place)
    return Reason(kind="damaged", text=f"{port} is damaged: {what}", detail=(change,))


def withdrawn(artifact: StoredArtifact, port: str) -> Reason:
    """There is a result, but its artifact was abandoned or deleted.

    Args:
        artifact: The output.
        port: Where it was put out.
    """
    what = f"{artifact.type_name} {artifact.id}"
    change = Change(kind="damaged", name=port, before=what, after=artifact.uri)
    return Reason(
        kind="damaged", text=f"{port} is lost: {what} is {artifact.state.lower()}", detail=(change,)
    )


def pending(upstream: Mapping[str, str]) -> Reason:
    """An input is not there yet.

    Args:
        upstream: By port, the node that will make it.
    """
    nodes = ", ".join(dict.fromkeys(upstream.values()))
    changes = tuple(
        Change(kind="pending", name=port, before=None, after=f"made by {node}")
        for port, node in upstream.items()
    )
    return Reason(kind="pending", text=f"depends on what {nodes} will make", detail=changes)


def explain_miss(
    store: Store, parts: KeyParts, *, pipeline: str, node: str, inputs: Ports | None = None
) -> Reason:
    """Compare a key with those of a node's latest executions (one look-up in the store).

    The nearest is the one with the fewest differences, the newest of several.

    Args:
        store: Where the node's history is.
        parts: Of the key for which there is no result.
        pipeline: Whose history it is.
        node: Likewise.
        inputs: The artifacts behind `parts.inputs`, to name the nodes that made them.
    """
    history = store.node_history(pipeline, node, limit=_HISTORY)
    succeeded = [(e, KeyParts.from_json(e.facts["cache_parts"])) for e in history if _is_comparable(e)]
    if not succeeded:
        failed = next((e for e in history if e.state is not State.RUNNING), None)
        text = (
            f"no earlier result: the last try is {failed.state}" if failed is not None else "first execution"
        )
        return Reason(kind="no_history", text=text)
    compared = [(execution, differences(old, parts, inputs)) for execution, old in succeeded]
    execution, changes = min(compared, key=lambda pair: len(pair[1]))
    if changes:
        return Reason(kind=changes[0].kind, text=_headline(changes, parts), detail=changes)
    if not execution.cache_key:
        return Reason(kind="no_history", text="the earlier result was made with caching off")
    return Reason(kind="damaged", text=f"the outputs of execution {execution.id} are no longer there")


def differences(old: KeyParts, new: KeyParts, inputs: Ports | None = None) -> tuple[Change, ...]:
    """What differs between two keys: the code first, what came from other nodes last."""
    found: list[Change] = []
    if old.component != new.component:
        found.append(Change(kind="component", name="component", before=old.component, after=new.component))
    for name, before, after in (
        ("cache version", old.cache_version, new.cache_version),
        ("version of the library's contract", old.contract, new.contract),
    ):
        if before != after:
            found.append(Change(kind="cache_version", name=name, before=str(before), after=str(after)))
    found += _of_mapping("source", old.files, new.files)
    found += _of_mapping("name", old.names, new.names)
    found += sorted(_of_parameters(old.parameters, new.parameters), key=_plainness)
    found += _of_mapping("distribution", old.distributions, new.distributions)
    for port in sorted(old.inputs.keys() | new.inputs.keys()):
        then, now = old.inputs.get(port), new.inputs.get(port)
        if then != now:
            found.append(_input_change(port, then, now, (inputs or {}).get(port, ())))
    return tuple(found)


def describe(reason: Reason) -> str:
    """The reason for people: its text, and below it one line for each further difference."""
    lines = [reason.text]
    if len(reason.detail) > 1 or reason.kind in ("damaged", "pending"):
        lines += [f"  {_line(change)}" for change in reason.detail]
    return "\n".join(lines)


def _is_comparable(execution: StoredExecution) -> bool:
    return execution.state.succeeded and bool(execution.facts.get("cache_parts"))


def _of_mapping(kind: ReasonKind, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Change(kind=kind, name=name, before=old.get(name), after=new.get(name))


def _of_parameters(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if name in old and name in new and canonical_json(before) == canonical_json(after):
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _of_parameters(before, after, f"{prefix}{name}.")
            continue
        if (records := _records(before, after)) is not None:
            yield from _of_parameters(*records, f"{prefix}{name}.")
            continue
        yield Change(
            kind="parameter",
            name=f"{prefix}{name}",
            before=_short(before) if name in old else None,
            after=_short(after) if name in new else None,
        )


def _records(before: Any, after: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Two lists of dicts, such as the files that a driver found: by name, or by place; None for others."""
    if not (isinstance(before, list) and isinstance(after, list)):
        return None
    if not all(isinstance(item, dict) for item in (*before, *after)):
        return None
    then, now = ([item.get("name") for item in items] for items in (before, after))
    if all(isinstance(name, str) for name in (*then, *now)) and _can_be_matched(then, now):
        return dict(zip(then, before, strict=True)), dict(zip(now, after, strict=True))
    if len(before) != len(after):
        return None
    numbered = ({str(place): item for place, item in enumerate(items)} for items in (before, after))
    return next(numbered), next(numbered)


def _can_be_matched(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether names tell items apart: no list holds one twice, and those in both are in one order."""
    kept, found = (
        [name for name in one if name in other] for one, other in ((before, after), (after, before))
    )
    distinct = len({*before}) == len(before) and len({*after}) == len(after)
    return distinct and bool(kept) and kept == found


def _plainness(change: Change) -> tuple[bool, int, str]:
    """`span: 14 -> 15` says more than the list of files that changed with it."""
    is_composite = any((text or "").startswith(("[", "{")) for text in (change.before, change.after))
    return is_composite, change.name.count("."), change.name


def _input_change(
    port: str, before: Sequence[str] | None, after: Sequence[str] | None, artifacts: Sequence[StoredArtifact]
) -> Change:
    others = [a for a in artifacts if a.digest not in (before or ())] or list(artifacts)
    makers = ", ".join(dict.fromkeys(a.node for a in others if a.node))
    return Change(
        kind="input",
        name=port,
        before=_artifacts(before),
        after=f"{_artifacts(after)} from {makers}" if makers and after else _artifacts(after),
    )


def _artifacts(digests: Sequence[str] | None) -> str | None:
    if digests is None:
        return None
    return ", ".join(digest[:8] for digest in digests) or "none"


def _headline(changes: Sequence[Change], parts: KeyParts) -> str:
    first = changes[0]
    same = [change for change in changes if change.kind == first.kind]
    name = _short_path(first.name, parts.files) if first.kind == "source" else first.name
    match first:
        case Change(kind="source" | "input", before=None):
            text = f"{name} is new"
        case Change(kind="source" | "input", after=None):
            text = f"{name} is gone"
        case Change(kind="source"):
            text = f"{name} changed"
        case Change(kind="input", after=str(after)):
            made_by = after.partition(" from ")[2]
            text = f"{name} changed ({made_by})" if made_by else f"{name} changed"
        case Change(kind="distribution" | "cache_version"):
            text = f"{name} {first.before or 'absent'} -> {first.after or 'absent'}"
        case _:
            text = f"{name}: {first.before or 'absent'} -> {first.after or 'absent'}"
    if len(same) > 1:
        text += f" and {len(same) - 1} more"
    return text


def _short_path(name: str, files: Mapping[str, str]) -> str:
    """The last parts of a path that no other file shares: `model.py`, `train/_executor.py`."""
    parts = PurePosixPath(name).parts
    for count in range(1, len(parts)):
        ending = "/".join(parts[-count:])
        telling = not parts[-count].startswith("_")
        if telling and sum(f"/{other}".endswith(f"/{ending}") for other in {*files, name}) == 1:
            return ending
    return name


def _line(change: Change) -> str:
    match change:
        case Change(kind="source", before=str(), after=str()):
            return f"{change.name} changed"
        case Change(kind="pending"):
            return f"{change.name}: {change.after}"
        case Change(kind="damaged"):
            return f"{change.before} at {change.after}"
    if change.kind == "source":
        return f"{change.name} is {'new' if change.before is None else 'gone'}"
    return f"{change.name}: {change.before or 'absent'} -> {change.after or 'absent'}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) and not _is_json(value) else canonical_json(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _is_json(text: str) -> bool:
    """Whether a text would be taken for another value if it had no quotes."""
    try:
        json.loads(text)
    except ValueError:
        return not text
    return True


def _span(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
