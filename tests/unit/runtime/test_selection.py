"""Partial runs."""

import pytest

from pipeline_lib.errors import SelectionError
from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan.models import CodeRef, InputPort, Node, OutputPort, Plan
from pipeline_lib.runtime.selection import Selection

CODE = CodeRef(module="m", qualname="f")


def _node(node: str, *reads: str, kind: str = "component") -> Node:
    return Node(
        id=node,
        kind=kind,
        code=CODE,
        inputs={r: InputPort(source=ex.FromOutput(node=r, port="y"), artifact_type="T") for r in reads},
        outputs={"y": OutputPort(artifact_type="T")},
    )


PLAN = Plan(
    name="p",
    code=CODE,
    nodes=(
        _node("ingest"),
        _node("window", "ingest", kind="resolver"),
        _node("train", "window"),
        _node("evaluate", "train", "window"),
        _node("push", "evaluate", "train"),
    ),
)


def test_everything_by_default() -> None:
    assert Selection.of(PLAN).run == {"ingest", "window", "train", "evaluate", "push"}


def test_to_takes_what_leads_there() -> None:
    assert Selection.of(PLAN, stop=["train"]) == Selection(run=frozenset({"ingest", "window", "train"}))


def test_from_takes_what_follows_and_reuses_what_it_reads() -> None:
    selection = Selection.of(PLAN, start=["evaluate"])
    assert selection.run == {"window", "evaluate", "push"}
    assert selection.reuse == {"train", "ingest"}


def test_only_takes_the_node_and_its_resolvers() -> None:
    selection = Selection.of(PLAN, only=["train"])
    assert (selection.run, selection.reuse) == ({"window", "train"}, {"ingest"})


def test_an_unknown_node_is_named_with_its_likeness() -> None:
    with pytest.raises(SelectionError, match="did you mean train"):
        Selection.of(PLAN, stop=["trian"])


def test_an_empty_selection_is_refused() -> None:
    with pytest.raises(SelectionError, match="between --from and --to"):
        Selection.of(PLAN, start=["push"], stop=["ingest"])
