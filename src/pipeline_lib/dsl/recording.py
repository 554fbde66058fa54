"""The pipeline that is being recorded: its nodes, loops, and the blocks open around the next call."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.dsl.places import Place
from pipeline_lib.errors import ConditionError, DeclarationError, NodeIdError, OutsidePipelineError
from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan import models


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Guard:
    """An open `when` or `otherwise` block.

    Attributes:
        facts: What holds inside it, as conditions that must all be true.
        chain: The if-elif-else chain it is an arm of.
    """

    facts: tuple[ex.Expression, ...]
    chain: "Chain"
    place: Place

    def __str__(self) -> str:
        return f"when: {self.place}"


@dataclass(slots=True, kw_only=True, eq=False)
class Chain:
    """A `when` and the `otherwise` blocks that follow it; it grows while the pipeline is recorded."""

    arms: list[Guard] = field(default_factory=list)
    tests: list[ex.Expression] = field(default_factory=list)
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoopScope:
    """An open `for_each` loop."""

    id: str
    place: Place

    def __str__(self) -> str:
        return f"for_each: {self.place}"


Block = Guard | LoopScope


class Recorder:
    """Collects what the calls of one pipeline function record.

    Attributes:
        blocks: Open `when` and `for_each` blocks, outermost first.
        in_exit_handler: Whether the calls are inside `with exit_handler():`.
        faults: Errors found where nothing can be raised (a generator being closed), or that stand until
            something else happens (a block being entered).
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: dict[str, models.Node] = {}
        self.places: dict[str, Place] = {}
        self.loops: list[models.Loop] = []
        self.artifact_types: dict[str, models.ArtifactType] = {}
        self.blocks: tuple[Block, ...] = ()
        self.last_chains: list[Chain | None] = [None]
        self.in_exit_handler = False
        self._counts: dict[str, int] = {}
        self.faults: list[Exception] = []

    @property
    def facts(self) -> tuple[ex.Expression, ...]:
        """Everything that holds in the open blocks."""
        return tuple(fact for block in self.blocks if isinstance(block, Guard) for fact in block.facts)

    @property
    def open_loops(self) -> tuple[str, ...]:
        """Ids of the open loops, outermost first."""
        return tuple(block.id for block in self.blocks if isinstance(block, LoopScope))

    @contextmanager
    def inside(self, block: Block) -> Iterator[None]:
        """Record what is called in the body as being inside the block."""
        outer = self.blocks
        self.open(block)
        try:
            yield
        finally:
            self.close(outer)

    def expect(self, word: str, place: Place) -> Exception:
        """A block was made: unless a `with` enters it, what seems to be inside is not.

        Returns:
            The fault that stands until `enter`.
        """
        fault = ConditionError(
            f"{word}(...) heads no `with` block, so it guards nothing",
            at=str(place),
            fix=f"write `with {word}(...):` and call the components in its block",
        )
        self.faults.append(fault)
        return fault

    def enter(self, expected: Exception) -> None:
        """The block is entered."""
        self.faults = [fault for fault in self.faults if fault is not expected]

    def open(self, block: Block) -> None:
        """Enter a block."""
        self.blocks = (*self.blocks, block)
        self.last_chains.append(None)

    def close(self, outer: tuple[Block, ...]) -> None:
        """Leave the blocks inside of `outer`."""
        while len(self.last_chains) > len(outer) + 1:
            self.last_chains.pop()
        self.blocks = outer

    def choose_id(self, wanted: str | None, automatic: str, place: Place) -> str:
        """The id of the next node: the one asked for, or `name`, `name_2`, ...

        Raises:
            NodeIdError: The id asked for is taken, or is no name.
        """
        if wanted is None:
            count, candidate = self._counts.get(automatic, 1), automatic
            while candidate in self.nodes:
                count += 1
                candidate = f"{automatic}_{count}"
            self._counts[automatic] = count
            return candidate
        if not wanted.replace("-", "_").isidentifier():
            raise NodeIdError(
                f"{wanted!r} cannot be a node's id",
                at=str(place),
                fix="use letters, digits, _ and -, not a digit first",
            )
        if wanted in self.nodes:
            raise NodeIdError(
                f"the node id {wanted} is taken",
                at=str(place),
                taken=self.places[wanted],
                fix="choose another id",
            )
        return wanted

    def add(self, node: models.Node, place: Place) -> None:
        """Record a node; its id is from `choose_id`."""
        self.nodes[node.id] = node
        self.places[node.id] = place

    def add_loop(self, over: ex.Expression, artifact_type: str | None, place: Place) -> LoopScope:
        """Record a loop."""
        scope = LoopScope(id=f"loop_{len(self.loops) + 1}", place=place)
        self.loops.append(models.Loop(id=scope.id, over=over, artifact_type=artifact_type))
        return scope

    def register(self, kind: type[Artifact], place: Place) -> str:
        """Make the artifact class known to the plan; returns its type name.

        Raises:
            DeclarationError: Another class has the same type name.
        """
        entry = artifact_type(kind)
        known = self.artifact_types.setdefault(kind.type_name, entry)
        if known.code != entry.code:
            raise DeclarationError(
                f"two artifact classes are named {kind.type_name}",
                at=str(place),
                one=known.code,
                other=entry.code,
                fix='give one of them another name: `class X(Artifact, type_name="...")`',
            )
        return kind.type_name


def artifact_type(kind: type[Artifact]) -> models.ArtifactType:
    """What a plan says of an artifact class."""
    properties = {
        name: models.PropertyType(
            kind=spec.kind.value, declared=kind.declared is None or name in kind.declared
        )
        for name, spec in kind.property_specs().items()
    }
    base: Any = kind.base_type
    code = models.CodeRef(module=kind.__module__, qualname=kind.__qualname__)
    return models.ArtifactType(code=code, base_type=base, properties=properties)


_active: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


def require_recorder(what: str, place: Place) -> Recorder:
    """The recorder of the pipeline being compiled.

    Raises:
        OutsidePipelineError: None is.
    """
    recorder = _active.get()
    if recorder is None:
        raise OutsidePipelineError(
            f"{what} was used outside a @pipeline", at=str(place), fix="use it inside a @pipeline function"
        )
    return recorder


@contextmanager
def record(recorder: Recorder) -> Iterator[Recorder]:
    """Let the calls in the block be recorded."""
    token = _active.set(recorder)
    try:
        yield recorder
    finally:
        _active.reset(token)


def active_recorder() -> Recorder | None:
    """The recorder of the pipeline being compiled, if one is."""
    return _active.get()
