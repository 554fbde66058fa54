"""Which node waits for which."""

from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan.models import CodeRef, InputPort, Loop, Node, Plan
from pipeline_lib.runtime.graph import ancestors, descendants, graph

CODE = CodeRef(module="m", qualname="f")


def _reads(node: str) -> dict[str, InputPort]:
    return {"x": InputPort(source=ex.FromOutput(node=node, port="y"), artifact_type="T")}


PLAN = Plan(
    name="p",
    code=CODE,
    loops=(
        Loop(id="outer", over=ex.FromOutput(node="shard", port="y")),
        Loop(id="inner", over=ex.FromItem(loop="outer")),
    ),
    nodes=(
        Node(id="ingest", code=CODE),
        Node(id="shard", code=CODE, inputs=_reads("ingest")),
        Node(id="each", code=CODE, loops=("outer", "inner")),
        Node(
            id="push",
            code=CODE,
            condition=ex.Not(
                operand=ex.FromProperty(artifact=ex.FromOutput(node="each", port="y"), name="ok")
            ),
            after=("ingest",),
        ),
        Node(id="notify", code=CODE, exit_handler=True),
    ),
)


def test_edges_come_from_inputs_loops_conditions_and_after() -> None:
    assert graph(PLAN) == {
        "ingest": frozenset(),
        "shard": {"ingest"},
        "each": {"shard"},
        "push": {"each", "ingest"},
        "notify": {"ingest", "shard", "each", "push"},
    }


def test_ancestors_and_descendants_hold_the_nodes_themselves() -> None:
    edges = graph(PLAN)
    assert ancestors({"each"}, edges) == {"each", "shard", "ingest"}
    assert descendants({"each"}, edges) == {"each", "push", "notify"}
