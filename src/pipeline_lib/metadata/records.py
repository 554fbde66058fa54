"""What goes in and out of the metadata store, in our words; no backend shows through."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# The fact that marks a try as taken for dead and cleared away: what it wrote is gone, so it cannot complete.
ORPHANED = "orphaned"


class State(enum.StrEnum):
    """State of an execution or a run; values are ML Metadata's."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    CACHED = "CACHED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def succeeded(self) -> bool:
        """Whether outputs exist."""
        return self in (State.COMPLETE, State.CACHED)


class ArtifactState(enum.StrEnum):
    """State of an artifact; values are ML Metadata's."""

    LIVE = "LIVE"
    ABANDONED = "ABANDONED"
    MARKED_FOR_DELETION = "MARKED_FOR_DELETION"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArtifact:
    """An output about to be published; its files are in their final place."""

    type_name: str
    uri: str
    digest: str
    properties: Mapping[str, Any]
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    """A published artifact.

    Attributes:
        properties: Plain JSON by name, of declared and custom properties alike; internal ones left out.
        pipeline, node, port, run_id: Who made it.
        created_at: UTC.
        updated_at: When its state or properties last changed, UTC.
    """

    id: int
    type_name: str
    uri: str
    digest: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    state: ArtifactState = ArtifactState.LIVE
    size_bytes: int = 0
    pipeline: str = ""
    node: str = ""
    port: str = ""
    run_id: str = ""
    created_at: datetime
    updated_at: datetime | None = field(default=None, compare=False)
    marked_after: int = field(default=0, compare=False)


Ports = Mapping[str, Sequence[StoredArtifact]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKey:
    """One node of one run; in a loop, one iteration of it.

    Attributes:
        iteration: Index in each loop around the node, outermost first.
    """

    pipeline: str
    run_id: str
    node: str
    iteration: tuple[int, ...] = ()

    def __str__(self) -> str:
        suffix = "".join(f"[{i}]" for i in self.iteration)
        return f"{self.node}{suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """A try about to start, or a cache hit about to be recorded.

    Attributes:
        type_name: `module.qualname` of the component.
        cache_key: Hex digest, or "" for a node that is not cached.
        parameters: Plain JSON by name; secrets as references.
        facts: Everything else worth keeping, plain JSON: code digest, git commit and dirty flag,
            environment digest, user, host, pid, the parts of the cache key, log path, try number.
    """

    key: NodeKey
    type_name: str
    cache_key: str
    inputs: Ports
    parameters: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredExecution:
    """One try at one node, with its ports only where asked for."""

    id: int
    key: NodeKey
    type_name: str
    state: State
    cache_key: str
    parameters: Mapping[str, Any]
    facts: Mapping[str, Any]
    started_at: datetime
    updated_at: datetime
    inputs: Ports = field(default_factory=dict)
    outputs: Ports = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a pipeline.

    Attributes:
        span: ISO date (or other text) of the span the run is of; "" if the pipeline has none.
        parameters: Plain JSON by name; secrets as references.
        facts: Plan digest, profile, user, host, git commit, trigger.
        id: Its number in the store, in the order of starting; 0 for one not read from a store.
    """

    pipeline: str
    run_id: str
    state: State
    span: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    id: int = field(default=0, compare=False)


class Sign(enum.StrEnum):
    """How a property is compared."""

    EQUAL = "="
    AT_LEAST = ">="
    AT_MOST = "<="
    ABOVE = ">"
    BELOW = "<"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One property against one value; texts and bools by `EQUAL` only.

    Attributes:
        name: A Python identifier.
    """

    name: str
    sign: Sign = Sign.EQUAL
    value: int | float | str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A stretch of a listing by id, newest first unless told otherwise.

    Attributes:
        limit: At most so many.
        before, after: Only ids below, only ids above.
        made_before, made_since: Recorded before this time, and not before that time.
    """

    limit: int = 100
    before: int | None = None
    after: int | None = None
    made_before: datetime | None = None
    made_since: datetime | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """What a listing of artifacts, executions or runs is restricted to; unset fields do not restrict.

    Attributes:
        state: A value of `ArtifactState` or `State`.
        span: Inclusive range of the integer property `span` (artifacts); of runs the ISO day.
        conditions: On properties (artifacts) or parameters (executions, runs not).
    """

    type_name: str | None = None
    pipeline: str | None = None
    run_id: str | None = None
    node: str | None = None
    state: str | None = None
    span: tuple[int, int] | None = None
    run_span: str | None = None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactQuery:
    """Artifacts, newest first. Unset fields do not restrict; `limit` always does.

    Attributes:
        node, port: Who made it (as an output, not merely used it).
        span: Inclusive range of the integer property `span`.
        run_span_before: Only from runs whose span is before this ISO date.
        equal: Properties with exactly these values.
        any_state: Also those whose files are gone.
        made_before: Published before this time.
        id_after: Only those with a higher id.
        oldest_first: Instead of newest first.
    """

    type_name: str | None = None
    pipeline: str | None = None
    node: str | None = None
    port: str | None = None
    span: tuple[int, int] | None = None
    run_span_before: str | None = None
    equal: Mapping[str, Any] = field(default_factory=dict)
    limit: int = 100
    any_state: bool = False
    made_before: datetime | None = None
    id_after: int | None = None
    oldest_first: bool = False
