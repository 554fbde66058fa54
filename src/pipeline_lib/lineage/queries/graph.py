"""Walks over the store, one level of artifacts at a time: one store call per level."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import chain

from pipeline_lib.errors import LineageCycleError, LineageQueryError
from pipeline_lib.metadata.records import StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a walk goes.

    Attributes:
        depth: Executions between the start and the farthest artifact.
        artifacts: How many artifacts at most.

    Raises:
        LineageQueryError: One of them is below 1.
    """

    depth: int = 50
    artifacts: int = 10_000

    def __post_init__(self) -> None:
        if min(self.depth, self.artifacts) < 1:
            raise LineageQueryError(
                "a walk needs a depth and a number of artifacts",
                got=f"depth {self.depth}, artifacts {self.artifacts}",
                fix="give both as 1 or more",
            )


DEFAULT_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What a walk found.

    Attributes:
        starts: Where it began.
        artifacts: Everything reached, the starts included, by id.
        executions: Those between them, by id, with their ports.
        truncated: Whether the bounds cut it off.
        orphans: Ids of artifacts on the way up of which no execution is recorded.
    """

    starts: tuple[StoredArtifact, ...]
    artifacts: tuple[StoredArtifact, ...]
    executions: tuple[StoredExecution, ...]
    truncated: bool = False
    orphans: tuple[int, ...] = ()

    def of_type(self, *names: str) -> tuple[StoredArtifact, ...]:
        """Artifacts of these types, by id."""
        return tuple(artifact for artifact in self.artifacts if artifact.type_name in names)


def upstream(store: Store, starts: Sequence[StoredArtifact], *, bounds: Bounds = DEFAULT_BOUNDS) -> Lineage:
    """Everything the artifacts were made from.

    Of an artifact that later runs took from the cache, the execution that did the work counts.

    Raises:
        LineageCycleError: An artifact is its own ancestor.
    """
    seen = {artifact.id: artifact for artifact in starts}
    executions: dict[int, StoredExecution] = {}
    orphans: list[int] = []
    level, depth, truncated = sorted(seen), 0, False
    while level and not truncated:
        if depth == bounds.depth:
            truncated = True
            break
        found = store.producers(level)
        made = {artifact.id for execution in found for artifact in outputs_of(execution)}
        orphans += [id_ for id_ in level if id_ not in made]
        executions |= {execution.id: execution for execution in found}
        level, truncated = _admit(chain.from_iterable(map(inputs_of, found)), seen, bounds)
        depth += 1
    lineage = _lineage(starts, seen, executions, truncated=truncated, orphans=orphans)
    _refuse_cycles(lineage)
    return lineage


def downstream(store: Store, starts: Sequence[StoredArtifact], *, bounds: Bounds = DEFAULT_BOUNDS) -> Lineage:
    """Everything that was made from the artifacts; failed tries made nothing and are left out.

    A look-up in the cache that answers with its own input is no error here: the walk goes on past it.
    """
    seen = {artifact.id: artifact for artifact in starts}
    executions: dict[int, StoredExecution] = {}
    level, depth, truncated = sorted(seen), 0, False
    while level and not truncated:
        if depth == bounds.depth:
            truncated = True
            break
        used = store.consumers(level, limit=bounds.artifacts)
        truncated = len(used) == bounds.artifacts
        found = [execution for execution in used if execution.state.succeeded]
        executions |= {execution.id: execution for execution in found}
        level, cut = _admit(chain.from_iterable(map(outputs_of, found)), seen, bounds)
        truncated = truncated or cut
        depth += 1
    return _lineage(starts, seen, executions, truncated=truncated, orphans=())


def inputs_of(execution: StoredExecution) -> tuple[StoredArtifact, ...]:
    """Its inputs, port after port."""
    return tuple(chain.from_iterable(execution.inputs[port] for port in sorted(execution.inputs)))


def outputs_of(execution: StoredExecution) -> tuple[StoredArtifact, ...]:
    """Its outputs, port after port."""
    return tuple(chain.from_iterable(execution.outputs[port] for port in sorted(execution.outputs)))


def _admit(
    found: Iterable[StoredArtifact], seen: dict[int, StoredArtifact], bounds: Bounds
) -> tuple[list[int], bool]:
    """The ids not met before, taken into `seen`; and whether there were too many."""
    new = {artifact.id: artifact for artifact in found if artifact.id not in seen}
    room = bounds.artifacts - len(seen)
    kept = sorted(new)[: max(room, 0)]
    seen |= {id_: new[id_] for id_ in kept}
    return kept, len(kept) < len(new)


def _lineage(
    starts: Sequence[StoredArtifact],
    seen: dict[int, StoredArtifact],
    executions: dict[int, StoredExecution],
    *,
    truncated: bool,
    orphans: Sequence[int],
) -> Lineage:
    return Lineage(
        starts=tuple(starts),
        artifacts=tuple(seen[id_] for id_ in sorted(seen)),
        executions=tuple(executions[id_] for id_ in sorted(executions)),
        truncated=truncated,
        orphans=tuple(sorted(orphans)),
    )


def _refuse_cycles(lineage: Lineage) -> None:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for execution in lineage.executions:
        name = f"execution {execution.id}"
        sorter.add(name, *(f"artifact {artifact.id}" for artifact in inputs_of(execution)))
        for artifact in outputs_of(execution):
            sorter.add(f"artifact {artifact.id}", name)
    try:
        sorter.prepare()
    except CycleError as error:
        raise LineageCycleError(
            "the store says that an artifact is its own ancestor",
            at=" <- ".join(error.args[1]),
            fix="restore the store from a backup: no run of pipeline_lib writes this",
        ) from error
