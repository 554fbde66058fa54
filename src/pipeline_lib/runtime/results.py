"""What becomes of a node in a run, and the events a runner reports on the way."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline_lib.errors import PipelineError
from pipeline_lib.metadata.records import NodeKey, Ports, State, StoredExecution


class Outcome(enum.StrEnum):
    """How a node of a run ended; the first four are also recorded as executions.

    SKIPPED: its condition did not hold. BLOCKED: something it needs failed. REUSED: not selected in a
    partial run, its outputs are those of an earlier run. LEFT_OUT: not selected, and nothing needs it.
    """

    COMPLETE = "complete"
    CACHED = "cached"
    FAILED = "failed"
    CANCELED = "canceled"
    RESOLVED = "resolved"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    REUSED = "reused"
    LEFT_OUT = "left out"

    @property
    def has_outputs(self) -> bool:
        """Whether downstream nodes can read its outputs."""
        return self in (Outcome.COMPLETE, Outcome.CACHED, Outcome.RESOLVED, Outcome.REUSED)

    @property
    def failed(self) -> bool:
        """Whether the run fails because of it."""
        return self in (Outcome.FAILED, Outcome.CANCELED, Outcome.BLOCKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResult:
    """How one node (in a loop: one iteration) ended.

    Attributes:
        outputs: Artifacts by port; empty unless `outcome.has_outputs`.
        reason: Why it was cached, executed, skipped or blocked, for people.
        seconds: Wall time from being ready to the end.
        tries: Executions it took.
    """

    key: NodeKey
    outcome: Outcome
    outputs: Ports = field(default_factory=dict)
    reason: str = ""
    error: PipelineError | None = None
    execution_id: int | None = None
    log: Path | None = None
    seconds: float = 0.0
    tries: int = 0
    usage: Mapping[str, Any] = field(default_factory=dict)


def recorded_result(done: StoredExecution, reason: str = "") -> NodeResult:
    """The result that a successful execution stands for."""
    return NodeResult(
        key=done.key,
        outcome=Outcome.COMPLETE if done.state is State.COMPLETE else Outcome.CACHED,
        outputs=done.outputs,
        execution_id=done.id,
        reason=reason,
    )


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C during a run, whose running nodes were canceled and recorded."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended, node by node in the order they ended."""

    pipeline: str
    run_id: str
    state: State
    span: str
    seconds: float
    nodes: tuple[NodeResult, ...]

    def of(self, node: str) -> tuple[NodeResult, ...]:
        """The results of one node: one, or one per iteration."""
        return tuple(result for result in self.nodes if result.key.node == node)


class Step(enum.StrEnum):
    """What a running node is busy with."""

    RESOLVING = "resolving"
    LOOKING_UP = "looking up"
    EXECUTING = "executing"
    PUBLISHING = "publishing"
    WAITING = "waiting to retry"
    WAITING_FOR_DATA = "waiting for data"
    WAITING_FOR_RUN = "waiting for another run"
    ASKING = "asking for approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStep:
    """A node went on to another step; `detail` says why it is executed, or which try it is.

    Attributes:
        log: Where the child that executes it is about to write, after what is there already.
    """

    key: NodeKey
    step: Step
    detail: str = ""
    log: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProgress:
    """A body reported progress (`{"epoch": 3, "loss": 0.41}`)."""

    key: NodeKey
    progress: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEnded:
    """A node ended."""

    result: NodeResult


Event = NodeStep | NodeProgress | NodeEnded
Observer = Callable[[Event], None]
