"""Pipelines that nobody thought of: compiled alike everywhere, run twice, and never different.

Hypothesis puts blocks of the language together: chains, joins, lists, conditions with both arms, loops over
parameters and over outputs, windows over the history. What chooses the newest artifact is left out: that
it may choose another one the second time is its purpose.
"""

import importlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.launching import PIPELINES
from pipeline_lib.metadata.records import State
from pipeline_lib.plan.models import Plan
from pipeline_lib.plan.reading import plan_from_text
from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.runtime.results import Outcome, RunResult
from pipeline_lib.runtime.session import Session, open_session
from pipeline_lib.settings import ArtifactSettings, HostSettings, MetadataSettings, Profile

pytestmark = pytest.mark.xdist_group("generated")

HEAD = """from collections.abc import Sequence

from pipeline_lib import either, for_each, otherwise, pipeline, rolling_window, when
from toy.components import add, read, split, total


@pipeline(name={name!r})
def generated(source: str, steps: Sequence[int] = (1, 2), limit: int = 8) -> None:
    n0 = read.options(id="n0")(source=source)
"""
BLOCKS = {
    "chain": ['{n} = add.options(id="{n}")({x}, plus={c})'],
    "join": ['{n} = add.options(id="{n}")({x}, {y}, plus={c})'],
    "list": ['{n} = total.options(id="{n}")([{x}, {y}, {x}])'],
    "condition": [
        "with when(({x}.value > {c} * 9) & ({y}.value <= limit)):",
        '    {n}a = add.options(id="{n}a")({x}, plus=100)',
        "with otherwise():",
        '    {n}b = add.options(id="{n}b")({x}, {y})',
        '{n} = add.options(id="{n}")(either({n}a, {n}b))',
    ],
    "loop": [
        '{n} = total.options(id="{n}")(',
        '    [add.options(id="{n}i")({x}, {y}, plus=step) for step in for_each(steps)]',
        ")",
    ],
    "loop over outputs": [
        '{n}p = split.options(id="{n}p")({x}, into={c} + 1)',
        '{n} = total.options(id="{n}")(',
        '    [add.options(id="{n}i")(part, plus={c}) for part in for_each({n}p.numbers)]',
        ")",
    ],
    "window": [
        '{n}r = read.options(id="{n}r")(source=source, span={c})',
        '{n} = total.options(id="{n}")(rolling_window(({n}r), spans=2))',
    ],
}
Block = tuple[str, int, int, int]
blocks = st.lists(
    st.tuples(st.sampled_from(sorted(BLOCKS)), st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)),
    min_size=1,
    max_size=5,
)


@dataclass(frozen=True)
class Placed:
    """A block, and the numbers that it reads."""

    name: str
    lines: list[str]
    reads: set[str]


def placed(recipe: Sequence[Block]) -> list[Placed]:
    found = []
    for place, (kind, a, b, c) in enumerate(recipe, start=1):
        names = {"n": f"n{place}", "x": f"n{a % place}", "y": f"n{b % place}", "c": str(c)}
        lines = [line.format(**names) for line in BLOCKS[kind]]
        found.append(Placed(names["n"], lines, {names["x"], names["y"]}))
    return found


def last_first(parts: Sequence[Placed]) -> list[Placed]:
    """Another order in which each block still comes after what it reads."""
    waiting, done = list(parts), {"n0"}
    ordered = []
    while waiting:
        ready = [part for part in waiting if part.reads <= done]
        ordered.append(ready[-1])
        waiting.remove(ready[-1])
        done.add(ready[-1].name)
    return ordered


@dataclass(frozen=True)
class Bench:
    """A session, a folder for generated modules, and a second process that reads them."""

    session: Session
    folder: Path
    given: dict[str, Any]
    second: "subprocess.Popen[str]"
    counter: "itertools.count[int]" = field(default_factory=itertools.count)

    def write(self, name: str, parts: Sequence[Placed]) -> str:
        """A module with that pipeline; its name."""
        module = f"generated_{next(self.counter)}"
        lines = [f"    {line}\n" for part in parts for line in part.lines]
        (self.folder / f"{module}.py").write_text(HEAD.format(name=name) + "".join(lines))
        importlib.invalidate_caches()
        return module

    def run(self, plan: Plan, **options: Any) -> RunResult:
        result = self.session.run(plan, self.given, **options)
        assert result.state is State.COMPLETE, [(str(n.key), n.error) for n in result.nodes if n.error]
        return result

    def asked_elsewhere(self, module: str) -> dict[str, Any]:
        assert self.second.stdin is not None
        assert self.second.stdout is not None
        self.second.stdin.write(json.dumps({"module": module, "given": self.given}) + "\n")
        self.second.stdin.flush()
        answer: dict[str, Any] = json.loads(self.second.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("generated")
    (folder / "number.txt").write_text("7")
    host = HostSettings(directory=tmp_path_factory.mktemp("host"))
    profile = Profile(
        state_dir=folder / "state",
        import_paths=(PIPELINES,),
        parallelism=4,
        metadata=MetadataSettings(url=f"sqlite:///{folder}/metadata.sqlite"),
        artifacts=ArtifactSettings(root=str(folder / "artifacts")),
        host=host,
    )
    before = list(sys.path)
    sys.path[:0] = [str(PIPELINES), str(folder)]
    with open_session(profile) as session:
        second = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forecasting.py")), profile.model_dump_json()],
            env={**os.environ, "PYTHONPATH": f"{PIPELINES}:{folder}", "PYTHONHASHSEED": "11"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with second:
            given = {"source": str(folder / "number.txt")}
            yield Bench(session=session, folder=folder, given=given, second=second)
    stop_hosts(host)
    sys.path[:] = before


def compiled(module: str) -> Plan:
    plan: Plan = importlib.import_module(module).generated.compile()
    return plan


def outcomes(result: RunResult) -> dict[str, Outcome]:
    return {str(node.key): node.outcome for node in result.nodes}


def contents(result: RunResult) -> dict[str, list[str]]:
    """Digests of all bytes and properties, by node and port."""
    return {
        f"{node.key}.{port}": [artifact.digest for artifact in artifacts]
        for node in result.nodes
        for port, artifacts in node.outputs.items()
    }


def executed(result: RunResult) -> set[str]:
    return {node for node, outcome in outcomes(result).items() if outcome is Outcome.COMPLETE}


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(recipe=blocks)
def test_a_generated_pipeline_gives_the_same_wherever_and_however_often(
    bench: Bench, recipe: list[Block]
) -> None:
    name = f"generated-{next(bench.counter)}"
    module = bench.write(name, placed(recipe))
    plan = compiled(module)

    text = plan.to_text()
    assert compiled(module).to_text() == text
    assert plan_from_text(text) == plan
    assert plan_from_text(text).to_text() == text

    first = bench.run(plan)
    second = bench.run(plan)
    assert executed(second) == set()
    assert contents(second) == contents(first)  # of two nodes with one key at once, either's are taken

    elsewhere = bench.asked_elsewhere(module)
    assert elsewhere["plan"] == text
    assert set(elsewhere["verdicts"].values()) <= {"hit", "resolved", "skipped"}

    otherwise_ordered = compiled(bench.write(name, last_first(placed(recipe))))
    assert executed(bench.run(otherwise_ordered)) == set()

    components = {node.id for node in plan.nodes if node.kind == "component"}
    anew = bench.run(plan, force=frozenset(components))
    assert executed(anew) == {
        node for node, outcome in outcomes(first).items() if outcome in {Outcome.COMPLETE, Outcome.CACHED}
    }
    assert contents(anew) == contents(first)


@pytest.mark.parametrize("kind", sorted(BLOCKS))
def test_each_kind_of_block_runs(bench: Bench, kind: str) -> None:
    """Or the generator would be proving little."""
    module = bench.write(f"kind-{kind.replace(' ', '-')}", placed([("chain", 0, 0, 1), (kind, 1, 0, 2)]))
    result = bench.run(compiled(module))
    assert result.of("n2")[0].outputs["number"]
