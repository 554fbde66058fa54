"""What a loop's body hands on to its next iteration, found in its source."""

import ast
from collections.abc import Iterator

_OwnScope = (
    ast.ListComp
    | ast.SetComp
    | ast.DictComp
    | ast.GeneratorExp
    | ast.FunctionDef
    | ast.AsyncFunctionDef
    | ast.ClassDef
    | ast.Lambda
)


def carried_names(loop: ast.For) -> Iterator[ast.Name]:
    """Where the body reads a name that only a later line of it sets: in Python, from the iteration before.

    A list that grows is not meant: `models += [model]` and the like gather.
    """
    stored = {name.id for name in _uses(loop.body) if isinstance(name.ctx, ast.Store)}
    seen = {name.id for name in ast.walk(loop.target) if isinstance(name, ast.Name)}
    for name in _uses(loop.body):
        if isinstance(name.ctx, ast.Load) and name.id in stored - seen:
            yield name
        seen.add(name.id)


def _uses(nodes: list[ast.stmt]) -> Iterator[ast.Name]:
    for node in nodes:
        yield from _uses_in(node)


def _uses_in(node: ast.AST) -> Iterator[ast.Name]:
    """Names in the order in which Python comes to them."""
    match node:
        case ast.Name():
            yield node
            return
        case ast.AugAssign(target=ast.Name(id=name) as target, value=value):
            if not isinstance(value, ast.List | ast.ListComp):
                yield ast.copy_location(ast.Name(id=name, ctx=ast.Load()), target)
            parts: list[ast.AST] = [value, target]
        case ast.Assign(targets=[ast.Name(id=name) as target], value=value) if _grows(value, name):
            parts = [*(part for part in _names(value) if part.id != name), target]
        case ast.Assign(targets=targets, value=value):
            parts = [value, *targets]
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
        ):
            parts = [value, target]
        case _ if isinstance(node, _OwnScope):
            own = {part.id for part in _names(node) if isinstance(part.ctx, ast.Store)}
            own |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
            parts = [part for part in _names(node) if part.id not in own]
        case _:
            parts = list(ast.iter_child_nodes(node))
    for part in parts:
        yield from _uses_in(part)


def _names(node: ast.AST) -> list[ast.Name]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Name)]


def _grows(value: ast.expr, name: str) -> bool:
    """Whether it is the list of that name and something more: `[*models, model]`, `models + [model]`."""
    match value:
        case ast.List(elts=[ast.Starred(value=ast.Name(id=found)), *_]):
            return found == name
        case ast.BinOp(left=ast.Name(id=found), op=ast.Add(), right=ast.List() | ast.ListComp()):
            return found == name
    return False
