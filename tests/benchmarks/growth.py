"""How a node grows with its data: pace, memory, and what a second core brings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measuring import Comparison, Report

Facts = Mapping[str, float]

_ROWS_PER_GROUP = 65_536


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of rows up to one: a hundredth, a tenth, the middle between that and all, all."""

    all: int

    @property
    def middle(self) -> int:
        """As many rows away from a tenth as from all: what does not grow has no part in the pace."""
        return (self.all // 10 + self.all) // 2

    @property
    def streamed(self) -> int:
        """The smallest that fills two row groups: memory is compared from here."""
        return next((size for size in self.smallest_first() if size >= 2 * _ROWS_PER_GROUP), self.middle)

    def smallest_first(self) -> tuple[int, int, int, int]:
        """All four."""
        return self.all // 100, self.all // 10, self.middle, self.all


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What was recorded of one node's executions, of the child that executed the body.

    Attributes:
        node: Its name.
        sizes: Rows.
        facts: By number of rows.
        one_core: Of the middle size, with launcher, host and child bound to one core.
    """

    node: str
    sizes: Sizes
    facts: Mapping[int, Facts]
    one_core: Facts

    def pace(self) -> Comparison:
        """A line of the report: the larger numbers of rows beside the smaller."""
        few, middle, most = self.sizes.smallest_first()[1:]
        return Comparison(
            what=f"{self.node}, processor time of a million rows more, {middle:,} to {most:,}",
            beside=f"{few:,} to {middle:,}",
            ours=[self._of_a_million_more(middle, most)],
            other=[self._of_a_million_more(few, middle)],
            at_most=1.2,
        )

    def comparisons(self, *, gain: float | None = None) -> list[Comparison]:
        """All other lines.

        Args:
            gain: Goal of wall time on two cores, as a share of that on one.
        """
        middle, most, start = self.sizes.middle, self.sizes.all, self.sizes.streamed
        busy = self.facts[most]["cpu_seconds"] / self.facts[most]["wall_seconds"]
        return [
            Comparison(
                what=f"{self.node}, peak memory, {most:,}",
                beside=f"{start:,} rows",
                ours=[self.facts[most]["peak_memory_bytes"] / 1e6],
                other=[self.facts[start]["peak_memory_bytes"] / 1e6],
                at_most=1.2,
                unit="MB",
            ),
            Comparison(
                what=f"{self.node}, wall time on two cores, {middle:,}",
                beside="on one core",
                ours=[self.facts[middle]["wall_seconds"]],
                other=[self.one_core["wall_seconds"]],
                at_most=gain,
            ),
            Comparison(
                what=f"{self.node}, cores kept busy, {most:,}",
                beside="cores that are there",
                ours=[busy],
                other=[2.0],
                unit="cores",
            ),
        ]

    def _of_a_million_more(self, fewer: int, more: int) -> float:
        seconds = self.facts[more]["cpu_seconds"] - self.facts[fewer]["cpu_seconds"]
        return 1e6 * seconds / (more - fewer)


def best(runs: Sequence[Mapping[str, Facts]]) -> dict[str, Facts]:
    """By node the least seconds, and the most memory, of several runs."""
    return {
        node: {
            "cpu_seconds": min(run[node]["cpu_seconds"] for run in runs),
            "wall_seconds": min(run[node]["wall_seconds"] for run in runs),
            "peak_memory_bytes": max(run[node]["peak_memory_bytes"] for run in runs),
        }
        for node in runs[0]
    }


def grow(
    nodes: Sequence[str],
    rows: int,
    run: Callable[[int, bool], Mapping[str, Facts]],
    report: Report,
    chapter: str,
    gains: Mapping[str, float],
    times: int,
    pace: Callable[[Growth], Comparison] = Growth.pace,
) -> None:
    """Run a pipeline over more and more rows and tell how some nodes of it took that.

    Args:
        nodes: Which.
        rows: At the end.
        run: Executes the pipeline over so many rows, on one core only if the second argument says so; gives
            the facts by node.
        report: Takes the lines.
        chapter: Their heading.
        gains: Goals of wall time on two cores, as a share of that on one, by node.
        times: How often each, of which the quickest counts, and the most memory: a machine that runs slower
            for a minute would be taken for a body that does.
        pace: The line that tells whether later rows take longer than earlier ones.
    """
    sizes = Sizes(rows)
    rounds = [_round(sizes, run) for _ in range(times)]  # the first run of all starts the hosts
    facts = {size: best([of_round[size, False] for of_round in rounds]) for size in sizes.smallest_first()}
    alone = best([of_round[sizes.middle, True] for of_round in rounds])
    for node in nodes:
        growth = Growth(
            node=node,
            sizes=sizes,
            facts={size: of_all[node] for size, of_all in facts.items()},
            one_core=alone[node],
        )
        for comparison in (pace(growth), *growth.comparisons(gain=gains.get(node))):
            report.add(chapter, comparison)


def _round(
    sizes: Sizes, run: Callable[[int, bool], Mapping[str, Facts]]
) -> dict[tuple[int, bool], Mapping[str, Facts]]:
    """One run of each size, and one of the middle one on one core, by the arguments of each."""
    arguments = [(size, False) for size in sizes.smallest_first()]
    return {each: run(*each) for each in (*arguments, (sizes.middle, True))}
