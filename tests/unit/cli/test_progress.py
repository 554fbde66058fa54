"""The live view of a run."""

from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from pipeline_lib.cli.progress import RunView, progress_text
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.plan.models import CodeRef, Node, Plan
from pipeline_lib.runtime.results import NodeEnded, NodeProgress, NodeResult, NodeStep, Outcome, Step

CODE = CodeRef(module="m", qualname="f")
PLAN = Plan(name="p", code=CODE, nodes=tuple(Node(id=name, code=CODE) for name in ("read", "fit", "push")))


def key(node: str, *iteration: int) -> NodeKey:
    return NodeKey(pipeline="p", run_id="p-1", node=node, iteration=iteration)


def ended(node: str, outcome: Outcome, *iteration: int, reason: str = "") -> NodeEnded:
    return NodeEnded(
        result=NodeResult(key=key(node, *iteration), outcome=outcome, reason=reason, seconds=1.5)
    )


@pytest.fixture
def terminal() -> Console:
    return Console(force_terminal=True, width=80, record=True, color_system=None)


def last_frame(terminal: Console) -> list[str]:
    return [line.rstrip() for line in terminal.export_text(clear=False).splitlines()][-4:]


def test_each_node_has_its_line_in_plan_order(terminal: Console) -> None:
    with RunView(PLAN, terminal, title="p") as view:
        view(NodeStep(key=key("fit"), step=Step.EXECUTING, detail="model.py changed"))
        view(ended("fit", Outcome.COMPLETE, reason="model.py changed"))
        view(ended("read", Outcome.CACHED, reason="as in execution 1"))
        view(ended("push", Outcome.SKIPPED, reason="its condition does not hold"))
    assert last_frame(terminal)[1:] == [
        "read  cached    1.50 s  as in execution 1",
        "fit   complete  1.50 s  model.py changed",
        "push  skipped           its condition does not hold",
    ]


def test_iterations_take_the_place_of_their_node(terminal: Console) -> None:
    with RunView(PLAN, terminal, title="p") as view:
        view(NodeStep(key=key("fit", 0), step=Step.EXECUTING))
        for index in (0, 1):
            view(ended("fit", Outcome.COMPLETE, index))
        view(ended("push", Outcome.COMPLETE))
        view(ended("read", Outcome.COMPLETE))
    assert [line.split()[0] for line in last_frame(terminal)] == ["read", "fit[0]", "fit[1]", "push"]


def test_progress_is_shown_beside_the_node(terminal: Console) -> None:
    with RunView(PLAN, terminal, title="p") as view, terminal.capture() as captured:
        view(NodeStep(key=key("fit"), step=Step.EXECUTING))
        view(NodeProgress(key=key("fit"), progress={"epoch": 3, "epochs": 5, "loss": 0.41234}))
        terminal.print(view._render())
    assert "epoch 3/5, loss 0.4123" in captured.get()


def test_an_interrupted_run_shows_what_was_canceled(terminal: Console) -> None:
    view = RunView(PLAN, terminal, title="p")
    view(ended("read", Outcome.COMPLETE))
    view(NodeStep(key=key("fit"), step=Step.EXECUTING))
    with suppress(KeyboardInterrupt), view:
        raise KeyboardInterrupt
    assert [line.split()[:2] for line in last_frame(terminal)[1:]] == [
        ["read", "complete"],
        ["fit", "canceled"],
        ["push", "left"],
    ]


def test_a_pipe_gets_one_line_per_node_that_took_part(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file, RunView(PLAN, Console(file=file), title="p") as view:
        view(NodeStep(key=key("read"), step=Step.EXECUTING))
        view(ended("read", Outcome.COMPLETE, reason="first execution"))
        view(ended("push", Outcome.LEFT_OUT, reason="not selected"))
    lines = (tmp_path / "out").read_text().splitlines()
    assert [line.split() for line in lines] == [
        ["p"],
        ["read", "complete", "1.50", "s", "first", "execution"],
    ]


def test_progress_text_joins_counters_with_their_totals() -> None:
    assert progress_text({"epoch": 1, "epochs": 2, "seconds": 3.2}) == "epoch 1/2"
    assert progress_text({}) == ""
