"""What an execution can be found by besides its run: files it read, columns it wrote, servers it changed."""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

PUSHED_MODEL = "PushedModel"
_MOST = 2_000


class MarkKind(enum.StrEnum):
    """Kinds of marks; values are context types in ML Metadata."""

    FILE = "source_file"
    FILE_NAME = "source_name"
    COLUMN = "column"
    TARGET = "serving_target"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mark:
    """One thing by which executions are found, whatever their number.

    Attributes:
        text: sha256 of a file, name of a file, name of a column, base path of a server.
    """

    kind: MarkKind
    text: str


class _Made(Protocol):
    @property
    def type_name(self) -> str: ...
    @property
    def properties(self) -> Mapping[str, Any]: ...


def marks_of(
    parameters: Mapping[str, Any],
    facts: Mapping[str, Any],
    outputs: Mapping[str, Sequence[_Made]] | None = None,
) -> tuple[Mark, ...]:
    """The marks of an execution, sorted; at most 2000, since each is a row of the store."""
    made = [artifact for artifacts in (outputs or {}).values() for artifact in artifacts]
    found = {*_files(parameters), *_columns(made), *_targets(parameters, facts, made)}
    return tuple(sorted(found))[:_MOST]


def hashed_files(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every record of a file with its hash, anywhere in parameters."""
    match value:
        case Mapping():
            if isinstance(value.get("sha256"), str):
                yield value
            for item in value.values():
                yield from hashed_files(item)
        case list() | tuple():
            for item in value:
                yield from hashed_files(item)


def target_of(properties: Mapping[str, Any]) -> str:
    """The directory that a server polls, of a pushed model: its destination without the version."""
    return str(properties.get("pushed_destination") or "").rpartition("/")[0]


def _files(parameters: Mapping[str, Any]) -> Iterator[Mark]:
    source = parameters.get("source")
    for record in hashed_files(dict(parameters)):
        yield Mark(kind=MarkKind.FILE, text=record["sha256"].lower())
        for name in (record.get("name"), source):
            if isinstance(name, str) and name:
                yield Mark(kind=MarkKind.FILE_NAME, text=name)
                yield Mark(kind=MarkKind.FILE_NAME, text=name.rpartition("/")[2] or name)


def _columns(made: Iterable[_Made]) -> Iterator[Mark]:
    for artifact in made:
        columns = artifact.properties.get("columns")
        if isinstance(columns, list | tuple):
            for column in columns:
                yield Mark(kind=MarkKind.COLUMN, text=str(column))


def _targets(
    parameters: Mapping[str, Any], facts: Mapping[str, Any], made: Iterable[_Made]
) -> Iterator[Mark]:
    told = facts.get("serving_target") or parameters.get("serving_target")
    pushed = [
        target_of(artifact.properties)
        for artifact in made
        if artifact.type_name == PUSHED_MODEL and artifact.properties.get("pushed")
    ]
    for target in [told] if told else pushed:
        if isinstance(target, str) and target:
            yield Mark(kind=MarkKind.TARGET, text=target)
