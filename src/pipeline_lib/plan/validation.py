"""Whether a plan holds together: every name it uses is there, and its nodes can run in their order."""

import difflib
from collections.abc import Iterable, Mapping
from typing import NoReturn

from pipeline_lib.errors import PlanCycleError, PlanReferenceError, UngatedPushError
from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan.graph import dependencies, find_cycle, parts, sources
from pipeline_lib.plan.models import Loop, Node, Plan, approval_id

_JUDGEMENTS = frozenset({"ModelBlessing", "InfraBlessing"})
_PUSHES = frozenset({"PushedModel"})


def check_plan(plan: Plan, *, places: Mapping[str, str] | None = None) -> None:
    """Check the whole graph.

    Args:
        plan: As compiled, or as read from a file that somebody may have edited.
        places: Where the author wrote each node, `file:line` by id, if known.

    Raises:
        PlanReferenceError: Something is named that is not there, or is there in another form.
        PlanCycleError: Nodes wait for each other, or stand before what they wait for.
        UngatedPushError: A model is judged and pushed, and the push does not look at the judgement.
    """
    _Check(plan, places or {}).run()


def require_node(plan: Plan, node_id: str) -> None:
    """See that a plan has a node.

    Raises:
        PlanReferenceError: It has not.
    """
    _Check(plan, {}).require_node(node_id)


class _Check:
    def __init__(self, plan: Plan, places: Mapping[str, str]) -> None:
        self.plan = plan
        self.places = places
        self.nodes = {node.id: node for node in plan.nodes}
        self.loops = {loop.id: loop for loop in plan.loops}
        self.parameters = {parameter.name for parameter in plan.parameters}

    def run(self) -> None:
        self._check_span()
        for node in self.plan.nodes:
            self._check_node(node)
        for loop in self.plan.loops:
            self._check_known_type(loop.artifact_type, f"loops.{loop.id}.artifact_type")
            if not any(loop.id in node.loops for node in self.plan.nodes):
                self._refuse(
                    f"the loop {loop.id} has no nodes", f"loops.{loop.id}", fix="call components in it"
                )
        self._check_order()
        self._check_pushes()

    def require_node(self, node_id: str) -> None:
        if node_id not in self.nodes:
            self._refuse_unknown("node", node_id, self.nodes, self.plan.name)

    def _check_span(self) -> None:
        name = self.plan.span_parameter
        if name is not None and name not in self.parameters:
            self._refuse_unknown("run parameter", name, self.parameters, "span_parameter")

    def _check_node(self, node: Node) -> None:
        at = self._at(node)
        for upstream in node.after:
            if upstream not in self.nodes:
                self._refuse_unknown("node", upstream, self.nodes, f"{at}.after")
        for loop in node.loops:
            if loop not in self.loops:
                self._refuse_unknown("loop", loop, self.loops, f"{at}.loops")
        self._check_approval(node, at)
        for port, spec in node.inputs.items():
            self._check_known_type(spec.artifact_type, f"{at}.inputs.{port}")
            self._check_shape(node, port)
        for port, output in node.outputs.items():
            self._check_known_type(output.artifact_type, f"{at}.outputs.{port}")
        for names, what in ((node.user_modules, "user_modules"), (node.secrets, "secrets")):
            for name in names:
                if name not in node.parameters:
                    self._refuse_unknown("parameter", name, node.parameters, f"{at}.{what}")
        for name, expression in sources(node, self.loops):
            for part in parts(expression):
                self._check_part(part, node, f"{at}.{name}")

    def _check_approval(self, node: Node, at: str) -> None:
        if node.options.approval is None:
            return
        kinds = {
            "in a loop": bool(node.loops),
            "an exit handler": node.exit_handler,
            f"a {node.kind}": node.kind != "component",
        }
        for kind, is_one in kinds.items():
            if is_one:
                self._refuse(
                    f"{node.id} needs approval and is {kind}",
                    f"{at}.options.approval",
                    fix="ask at a component outside of loops and exit handlers",
                )
        if approval_id(node.id) in self.nodes:
            self._refuse(
                f"{approval_id(node.id)} is what the approval of {node.id} is called",
                f"{at}.options.approval",
                fix="give that node another id",
            )

    def _check_part(self, part: object, node: Node, at: str) -> None:
        match part:
            case ex.FromParameter(name=name) if name not in self.parameters:
                self._refuse_unknown("run parameter", name, self.parameters, at)
            case ex.FromItem(loop=loop) if loop not in node.loops:
                self._refuse_unknown("loop around it", loop, node.loops, at)
            case ex.FromOutput() | ex.FromGather():
                self._check_output(part, node, at)
            case ex.FromProperty():
                self._check_property(part, at)

    def _check_output(self, part: ex.FromOutput | ex.FromGather, node: Node, at: str) -> None:
        producer = self.nodes.get(part.node)
        if producer is None:
            self._refuse_unknown("node", part.node, self.nodes, at)
        if part.port not in producer.outputs:
            self._refuse_unknown(f"output of {part.node}", part.port, producer.outputs, at)
        if producer.exit_handler and not node.exit_handler:
            self._refuse(f"{node.id} reads the exit handler {producer.id}", at, fix="exit handlers run last")
        if isinstance(part, ex.FromGather):
            if not producer.loops:
                self._refuse(f"{producer.id} is in no loop to gather from", at, fix='use kind "output"')
        elif producer.loops != node.loops[: len(producer.loops)] and not at.partition(".loops.")[1]:
            self._refuse(
                f"{producer.id} runs once per item of {producer.loops[-1]}, and {node.id} is outside of it",
                at,
                fix='use kind "gather"',
            )

    def _check_property(self, part: ex.FromProperty, at: str) -> None:
        type_name = self._type_of(part.artifact)
        known = self.plan.artifact_types.get(type_name or "")
        if known is not None and part.name not in known.properties:
            self._refuse_unknown(f"property of {type_name}", part.name, known.properties, at)

    def _type_of(self, expression: ex.Expression) -> str | None:
        match expression:
            case ex.FromOutput(node=node, port=port) if node in self.nodes:
                output = self.nodes[node].outputs.get(port)
                return output.artifact_type if output else None
            case ex.FromItem(loop=loop) if loop in self.loops:
                return self.loops[loop].artifact_type
        return None

    def _check_shape(self, node: Node, port: str) -> None:
        spec = node.inputs[port]
        match spec.source:
            case ex.FromOutput(node=producer, port=source, path=()) if producer in self.nodes:
                output = self.nodes[producer].outputs.get(source)
                many = output.many if output else spec.many
            case ex.ListOf() | ex.FromGather():
                many = True
            case ex.FromParameter() | ex.FromProperty() | ex.Struct() | ex.Compare() | ex.Not():
                self._refuse(
                    f"{node.id}.{port} needs an artifact",
                    f"{self._at(node)}.inputs.{port}",
                    fix="name an output",
                )
            case _:
                many = spec.many
        if many != spec.many:
            got, needs = ("a list", "one artifact") if many else ("one artifact", "a list")
            self._refuse(
                f"{node.id}.{port} needs {needs} and is given {got}",
                f"{self._at(node)}.inputs.{port}",
                fix="wrap it in a list" if spec.many else "pick one with path",
            )

    def _check_known_type(self, name: str | None, at: str) -> None:
        if name is not None and name not in self.plan.artifact_types:
            self._refuse_unknown("artifact type", name, self.plan.artifact_types, at)

    def _check_order(self) -> None:
        edges = dependencies(self.plan)
        cycle = find_cycle(edges)
        if cycle is not None:
            raise PlanCycleError(
                f"nodes wait for each other: {' -> '.join(reversed(cycle))}",
                at=self._at(self.nodes[cycle[0]]),
                fix="break the circle: drop one of these inputs or `after`",
            )
        seen: set[str] = set()
        for node in self.plan.nodes:
            late = sorted(edges[node.id] - seen)
            if late:
                raise PlanCycleError(
                    f"{node.id} stands before {late[0]}, which it waits for",
                    at=self._at(node),
                    fix=f"put {late[0]} first",
                )
            seen.add(node.id)

    def _check_pushes(self) -> None:
        edges = dependencies(self.plan)
        for judge in self.plan.nodes:
            verdicts = [port for port, output in judge.outputs.items() if output.artifact_type in _JUDGEMENTS]
            used = any(self._reads(node, judge.id, port) for node in self.plan.nodes for port in verdicts)
            if not verdicts or used:
                continue
            judged = [spec.source for spec in judge.inputs.values() if spec.artifact_type == "Model"]
            for push in self.plan.nodes:
                pushes = any(output.artifact_type in _PUSHES for output in push.outputs.values())
                same = any(spec.source in judged for spec in push.inputs.values())
                if pushes and same and judge.id not in edges[push.id]:
                    raise UngatedPushError(
                        f"{push.id} pushes a model that {judge.id} judges, and nothing reads {verdicts[0]}",
                        at=self._at(push),
                        fix=f"pass {judge.id}.{verdicts[0]} to {push.id}, or put it under `with when(...)`",
                    )

    def _reads(self, node: Node, producer: str, port: str) -> bool:
        return any(
            isinstance(part, ex.FromOutput | ex.FromGather) and part.node == producer and part.port == port
            for _, expression in sources(node, self.loops)
            for part in parts(expression)
        )

    def _at(self, node: Node | Loop) -> str:
        return self.places.get(node.id, f"nodes.{node.id}")

    def _refuse_unknown(self, what: str, name: str, known: Iterable[str], at: str) -> NoReturn:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1)
        self._refuse(
            f"the plan has no {what} named {name}",
            at,
            fix=f"did you mean {near[0]}?" if near else f"use one of: {', '.join(names) or 'none'}",
        )

    def _refuse(self, summary: str, at: str, *, fix: str) -> NoReturn:
        raise PlanReferenceError(summary, plan=self.plan.name, at=at, fix=fix)
