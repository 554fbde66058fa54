"""Whether what was made in one block may be used in another: conditions, loops, exit handlers."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline_lib.dsl.proxy import Ref
from pipeline_lib.dsl.recording import Block, Guard, LoopScope, Recorder
from pipeline_lib.plan import expressions as ex


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """How something made elsewhere looks from here.

    Attributes:
        condition: The first block that may have been skipped, or None.
        loop: The outermost loop that we are outside of, or None: there is one per item of it.
        guarded_inside: Whether some items of that loop may have none.
    """

    condition: Guard | None = None
    loop: LoopScope | None = None
    guarded_inside: bool = False


def availability(ref: Ref, recorder: Recorder) -> Availability:
    """What stands between the place where `ref` was made and the open blocks."""
    open_loops = {block.id for block in recorder.blocks if isinstance(block, LoopScope)}
    facts = recorder.facts
    condition: Guard | None = None
    loop: LoopScope | None = None
    guarded_inside = False
    for block in ref.blocks:
        if isinstance(block, LoopScope):
            if loop is None and block.id not in open_loops:
                loop = block
        elif not all(holds(fact, facts) for fact in block.facts):
            if loop is not None:
                guarded_inside = True
            elif condition is None:
                condition = block
    return Availability(condition=condition, loop=loop, guarded_inside=guarded_inside)


def holds(fact: ex.Expression, facts: Sequence[ex.Expression]) -> bool:
    """Whether a fact is among those known to hold (constants of one value but another type are not equal)."""
    return any(type(fact) is type(known) and fact == known for known in facts)


def covered(branches: Sequence[tuple[Block, ...]], recorder: Recorder) -> bool:
    """Whether at least one of several results, made in these blocks, always exists here."""
    facts = recorder.facts
    open_blocks = [
        [b for b in blocks if not (isinstance(b, Guard) and all(holds(f, facts) for f in b.facts))]
        for blocks in branches
    ]
    return _covered([[b for b in blocks if isinstance(b, Guard)] for blocks in open_blocks])


def _covered(branches: Sequence[Sequence[Guard]]) -> bool:
    if any(not branch for branch in branches):
        return True
    for chain in {id(branch[0].chain): branch[0].chain for branch in branches}.values():
        if chain.closed and all(
            _covered([branch[1:] for branch in branches if branch[0] is arm]) for arm in chain.arms
        ):
            return True
    return False
