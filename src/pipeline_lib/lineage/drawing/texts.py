"""A lineage as a tree of lines, and as a Mermaid flowchart."""

from collections.abc import Iterator, Mapping, Sequence

from pipeline_lib.lineage.queries.graph import Lineage, inputs_of, outputs_of
from pipeline_lib.metadata.records import StoredArtifact, StoredExecution
from pipeline_lib.wording import span_text


def tree(lineage: Lineage, *, forward: bool = False) -> list[str]:
    """One line per artifact, its parents (or, `forward`, what was made of it) indented below.

    What stands above already is only named again, so that the tree is never longer than the graph.
    """
    edges = _edges(lineage, forward=forward)
    by_id = {artifact.id: artifact for artifact in lineage.artifacts}
    shown: set[int] = set()
    lines: list[str] = []
    # An explicit stack: a chain of warm starts may be deeper than Python's recursion.
    for start in lineage.starts:
        stack: list[tuple[int, str, str]] = [(start.id, "", "")]
        while stack:
            id_, head, tail = stack.pop()
            again = id_ in shown
            shown.add(id_)
            below = edges.get(id_, ())
            note = " (see above)" if again and below else ""
            lines.append(f"{head}{label(by_id[id_])}{note}")
            if not again:
                stack += reversed(list(_branches(below, tail)))
    return lines


def mermaid(lineage: Lineage) -> str:
    """A flowchart, from sources to models; names are escaped, so that none is read as markup."""
    lines = ["flowchart LR"]
    lines += [f'  a{artifact.id}["{_escaped(label(artifact))}"]' for artifact in lineage.artifacts]
    known = {artifact.id for artifact in lineage.artifacts}
    for execution in lineage.executions:
        lines.append(f'  e{execution.id}("{_escaped(execution_label(execution))}")')
        lines += [f"  a{id_} --> e{execution.id}" for id_ in _ids(inputs_of(execution)) if id_ in known]
        lines += [f"  e{execution.id} --> a{id_}" for id_ in _ids(outputs_of(execution)) if id_ in known]
    return "\n".join(lines)


def label(artifact: StoredArtifact) -> str:
    """An artifact in one line; control characters become blanks."""
    parts = [f"{artifact.type_name} {artifact.id}"]
    if artifact.node:
        parts.append(f"{artifact.node}.{artifact.port}")
    span = artifact.properties.get("span")
    if isinstance(span, int):
        parts.append(f"span {span_text(span)}")
    if artifact.state != "LIVE":
        parts.append(f"[{artifact.state.lower().replace('_', ' ')}]")
    return printable("  ".join(parts))


def execution_label(execution: StoredExecution) -> str:
    """An execution in one line."""
    return printable(f"{execution.key}  {execution.id}, {execution.state.lower()}")


def printable(text: str) -> str:
    """A text in which control characters are blanks."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _edges(lineage: Lineage, *, forward: bool) -> Mapping[int, tuple[int, ...]]:
    known = {artifact.id for artifact in lineage.artifacts}
    found: dict[int, set[int]] = {}
    for execution in lineage.executions:
        ends = _ids(inputs_of(execution)), _ids(outputs_of(execution))
        sources, targets = ends if forward else ends[::-1]
        for id_ in sources:
            found.setdefault(id_, set()).update(other for other in targets if other in known)
    return {id_: tuple(sorted(others)) for id_, others in found.items()}


def _branches(ids: Sequence[int], tail: str) -> Iterator[tuple[int, str, str]]:
    for number, id_ in enumerate(ids, start=1):
        last = number == len(ids)
        yield id_, tail + ("└── " if last else "├── "), tail + ("    " if last else "│   ")


def _ids(artifacts: Sequence[StoredArtifact]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(artifact.id for artifact in artifacts))


def _escaped(text: str) -> str:
    shown = printable(text)
    return "".join(sign if sign.isalnum() or sign in " ._-,:()" else f"#{ord(sign)};" for sign in shown)
