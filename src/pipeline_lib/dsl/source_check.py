"""Uses of recorded values that Python hides from them, found in the author's source.

`x is None`, `isinstance(x, ...)` and `match x` call nothing of x's, so that a proxy cannot refuse them: they
would quietly decide the shape of the graph while it is compiled. So would a loop's body that counts, or reads
what its last iteration made: it is recorded once.
"""

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping
from types import CodeType
from typing import Any

from pipeline_lib.dsl.carried import carried_names
from pipeline_lib.dsl.loops import for_each
from pipeline_lib.dsl.places import shown_path, source_tree
from pipeline_lib.errors import ConditionError, InvisibleUseError, LoopError

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_UNKNOWN = object()


def check_source(function: Callable[..., Any]) -> None:
    """Check a pipeline function, all of whose arguments are recorded values.

    Raises:
        InvisibleUseError: It tests a recorded value with `is`, `isinstance` or `match`.
        LoopError: A `for_each` loop hands something on to its next iteration.
        ConditionError: An `otherwise()` follows a `with` of several conditions.
    """
    code = function.__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    names = {**function.__globals__, **{name: cell.cell_contents for name, cell in cells}}
    check_code(code, names, arguments=code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def check_code(code: CodeType, names: Mapping[str, Any], *, arguments: tuple[str, ...] = ()) -> None:
    """Check one function's source.

    Args:
        code: Its code.
        names: What its global names mean.
        arguments: Those of its arguments that are recorded values.

    Raises:
        InvisibleUseError: It tests a recorded value with `is`, `isinstance` or `match`.
        LoopError: A `for_each` loop hands something on to its next iteration.
        ConditionError: An `otherwise()` follows a `with` of several conditions.
    """
    definition = _definition(code)
    if definition is not None:
        _Checker(definition, code.co_filename, names, arguments).run()


def _definition(code: CodeType) -> _Function | None:
    tree = source_tree(code.co_filename)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, _Function) and node.name == code.co_name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    return None


class _Checker:
    def __init__(
        self, definition: _Function, filename: str, names: Mapping[str, Any], arguments: tuple[str, ...]
    ) -> None:
        self._definition = definition
        self._filename = filename
        self._names = names
        self._recorded = set(arguments)

    def run(self) -> None:
        self._collect()
        for node in ast.walk(self._definition):
            self._check_use(node)
            self._check_arms(node)
            self._check_loop(node)

    def _collect(self) -> None:
        """Names bound to recorded values wherever they are bound, in as many passes as it takes."""
        bindings = list(self._bindings())
        while True:
            by_name: dict[str, list[bool]] = {}
            for name, value in bindings:
                by_name.setdefault(name, []).append(self._is_recorded(value))
            found = {name for name, values in by_name.items() if all(values)} - self._recorded
            if not found:
                return
            self._recorded |= found

    def _bindings(self) -> Iterator[tuple[str, ast.expr]]:
        for node in ast.walk(self._definition):
            match node:
                case ast.Assign(targets=targets, value=value):
                    pairs = [(target, value) for target in targets]
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    pairs = [(target, value)]
                case ast.NamedExpr(target=target, value=value):
                    pairs = [(target, value)]
                case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                    pairs = [(target, value)]
                case _:
                    continue
            for target, value in pairs:
                for part in ast.walk(target):
                    if isinstance(part, ast.Name):
                        yield part.id, value

    def _is_recorded(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self._recorded
            case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.NamedExpr(value=value):
                return self._is_recorded(value)
            case ast.Call(func=function):
                return self._is_recorder(function)
        return False

    def _is_recorder(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Call):  # train.options(...)(...)
            inner = function.func
            return (
                isinstance(inner, ast.Attribute)
                and inner.attr == "options"
                and self._is_recorder(inner.value)
            )
        return bool(getattr(self._meaning(function), "__recorded__", False))

    def _meaning(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return self._names.get(name, _UNKNOWN)
            case ast.Attribute(value=value, attr=attr):
                return getattr(self._meaning(value), attr, _UNKNOWN)
        return _UNKNOWN

    def _check_use(self, node: ast.AST) -> None:
        match node:
            case ast.Compare(left=left, ops=ops, comparators=others) if any(
                isinstance(op, ast.Is | ast.IsNot) for op in ops
            ):
                for side in (left, *others):
                    self._refuse_if_recorded(side, "is", "write exists(...), or compare with ==")
            case ast.Call(func=ast.Name(id="isinstance"), args=[subject, *_]):
                self._refuse_if_recorded(subject, "isinstance", "its declared type is all that is known")
            case ast.Match(subject=subject):
                for part in subject.elts if isinstance(subject, ast.Tuple) else (subject,):
                    self._refuse_if_recorded(part, "match", "guard nodes with `with when(x == ...)`")

    def _refuse_if_recorded(self, node: ast.expr, how: str, fix: str) -> None:
        if self._is_recorded(node):
            raise InvisibleUseError(
                f"{ast.unparse(node)} is tested with {how}, but only a run knows its value",
                at=f"{shown_path(self._filename)}:{node.lineno}",
                fix=fix,
            )

    def _check_loop(self, node: ast.AST) -> None:
        """The first iteration would be recorded, and be all of them."""
        match node:
            case ast.For(iter=ast.Call(func=function)) if self._meaning(function) is for_each:
                for name in carried_names(node):
                    raise LoopError(
                        f"{name.id} is handed on to the next iteration, but those of for_each run at once",
                        at=f"{shown_path(self._filename)}:{name.lineno}",
                        fix="gather what they make in a list; steps that follow one another need a loop over "
                        "values that are written here",
                    )

    def _check_arms(self, node: ast.AST) -> None:
        """`with when(a), when(b):` and then `otherwise()` would negate only one of the two."""
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            if not isinstance(body, list):
                continue
            for first, second in itertools.pairwise(body):
                if isinstance(first, ast.With) and isinstance(second, ast.With):
                    self._check_pair(first, second)

    def _check_pair(self, first: ast.With, second: ast.With) -> None:
        conditions = [item for item in first.items if self._word(item) in {"when", "otherwise"}]
        if len(conditions) > 1 and self._word(second.items[0]) == "otherwise":
            raise ConditionError(
                "this otherwise() follows several conditions in one with",
                at=f"{shown_path(self._filename)}:{second.lineno}",
                fix="write `with when(a & b):`, or nest the blocks",
            )

    def _word(self, item: ast.withitem) -> str:
        call = item.context_expr
        meaning = self._meaning(call.func) if isinstance(call, ast.Call) else None
        module = getattr(meaning, "__module__", "")
        return getattr(meaning, "__name__", "") if module == "pipeline_lib.dsl.conditions" else ""
