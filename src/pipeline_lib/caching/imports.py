"""What a Python source imports, read off its syntax tree; nothing is run."""

import ast
import hashlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

_TYPE_CHECKING = "TYPE_CHECKING"
_PARSING = threading.Lock()
"""CPython 3.11 counts the depth of a tree under construction once for all threads: two at once, with a
collection of garbage between them, end in a SystemError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import.

    Attributes:
        level: Leading dots of a relative import.
        module: Dotted name after the dots; "" for `from . import x`.
        names: For `from module import name as bound`: pairs (name, bound), `("*", "*")` for a star. Empty
            for `import module`.
        bound: For `import module as bound`: that name; "" without `as`.
        top: Whether it runs when the source is imported; False inside functions.
        lazy: Whether it only says what a package's `__getattr__` passes on.
    """

    level: int = 0
    module: str = ""
    names: tuple[tuple[str, str], ...] = ()
    bound: str = ""
    top: bool = True
    lazy: bool = False

    def base(self, package: str) -> str:
        """The absolute module name, seen from inside `package`; "" if the dots lead out of it."""
        if self.level == 0:
            return self.module
        parents = package.split(".") if package else []
        kept = parents[: max(len(parents) - self.level + 1, 0)]
        if not kept:
            return ""
        return ".".join([*kept, self.module] if self.module else kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What the scan keeps of one file.

    Attributes:
        digest: Sha256 of the file's bytes.
        imports: In the order of the source.
        facade: Whether the file does nothing but import, pass names on (`__all__`, `__getattr__`), name
            literals and document.
        passing: Digest of what its `__getattr__` does; "" if it has none.
    """

    digest: str
    imports: tuple[Import, ...] = ()
    facade: bool = False
    passing: str = ""

    def as_json(self) -> list[Any]:
        """Compact JSON, for the memo on disk."""
        rows = [
            [i.level, i.module, [list(pair) for pair in i.names], i.bound, i.top, i.lazy]
            for i in self.imports
        ]
        return [self.digest, self.facade, self.passing, rows]

    @classmethod
    def from_json(cls, record: list[Any]) -> "SourceFacts":
        """The inverse of `as_json`."""
        digest, facade, passing, rows = record
        imports = tuple(
            Import(
                level=level,
                module=module,
                names=tuple((name, alias) for name, alias in names),
                bound=bound,
                top=top,
                lazy=lazy,
            )
            for level, module, names, bound, top, lazy in rows
        )
        return cls(digest=digest, imports=imports, facade=facade, passing=passing)


def facts_of(source: bytes) -> SourceFacts:
    """What the scan keeps of a module.

    Found are `import` and `from` statements anywhere (in functions, classes, `try`, `if`), and calls of
    `import_module` and `__import__` with a literal. Left out is what only type checkers see, under
    `if TYPE_CHECKING`; but if the source has a `__getattr__`, that and its literal tables say where the
    names come from that it passes on: `{"name": "module"}`, `{"name": ("module", "name")}`,
    `{"module": ("name", ...)}`.
    A source with a syntax error has no imports: importing it will tell.
    """
    digest = hashlib.sha256(source).hexdigest()
    try:
        with _PARSING:
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return SourceFacts(digest=digest)
    calls = b"import_module" in source or b"__import__" in source
    found = list(_walk(tree.body, top=True, calls=calls))
    looks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "__getattr__"]
    if looks:
        found += _passed_on(tree.body)
    return SourceFacts(
        digest=digest,
        imports=tuple(dict.fromkeys(found)),
        facade=_is_facade(tree.body, found),
        passing=hashlib.sha256("".join(map(ast.dump, looks)).encode()).hexdigest() if looks else "",
    )


def _walk(nodes: Iterable[ast.AST], *, top: bool, calls: bool = True) -> Iterator[Import]:
    """Imports in statements and, with `calls`, in expressions, which are most of a tree."""
    for node in nodes:
        match node:
            case ast.expr() if not calls:
                continue
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield Import(module=alias.name, bound=alias.asname or "", top=top)
            case ast.ImportFrom(names=aliases):
                names = tuple((alias.name, alias.asname or alias.name) for alias in aliases)
                yield Import(level=node.level, module=node.module or "", names=names, top=top)
            case ast.If() if (checked := _type_checking(node.test)) is not None:
                yield from _walk(node.orelse if checked else node.body, top=top, calls=calls)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                # Decorators and defaults run at import, but an import there can only be a call.
                yield from _walk(ast.iter_child_nodes(node), top=False, calls=calls)
            case _:
                if isinstance(node, ast.Call):
                    yield from _literal_import(node, top=top)
                yield from _walk(ast.iter_child_nodes(node), top=top, calls=calls)


def _type_checking(test: ast.expr) -> bool | None:
    """True for `TYPE_CHECKING`, False for `not TYPE_CHECKING`, None for any other condition."""
    match test:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name == _TYPE_CHECKING:
            return True
        case ast.UnaryOp(op=ast.Not(), operand=operand) if _type_checking(operand):
            return False
    return None


def _literal_import(call: ast.Call, *, top: bool) -> Iterator[Import]:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in ("import_module", "__import__"):
            pass
        case _:
            return
    match call.args:
        case [ast.Constant(value=str(target)), *rest]:
            pass
        case _:
            return
    dots = len(target) - len(target.lstrip("."))
    package = [*rest, *(word.value for word in call.keywords if word.arg == "package")]
    match package:
        case [ast.Constant(value=str(anchor)), *_] if dots:
            absolute = Import(level=dots, module=target[dots:]).base(anchor)
            yield Import(module=absolute, bound="_", top=top)
        case _ if dots and target[dots:]:  # relative to __package__ or __name__
            yield Import(level=dots, module="", names=((target[dots:], "_"),), top=top)
        case _:
            yield Import(module=target, bound="_", top=top)


def _passed_on(body: Iterable[ast.stmt]) -> Iterator[Import]:
    """What a `__getattr__` of a module can pass on."""
    for statement in body:
        match statement:
            case ast.If() if _type_checking(statement.test):
                for item in _walk(statement.body, top=False):
                    yield replace(item, lazy=True)
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                table = (_literal(value) or (None,))[0]
                for key, entry in table.items() if isinstance(table, dict) else ():
                    yield from _entry(key, entry)


def _entry(key: object, entry: object) -> Iterator[Import]:
    """One entry of a table of names."""
    match key, entry:
        case str(name), str(place):
            module, _, attribute = place.partition(":")
            yield _lazy(module, (attribute or name, name))
        case str(name), (str(module), str(attribute)) if name.isidentifier() and "." in module:
            yield _lazy(module, (attribute, name))
        case str(module), tuple() | list() as names if all(isinstance(name, str) for name in names):
            yield _lazy(module, *((name, name) for name in names))


def _lazy(target: str, *names: tuple[str, str]) -> Import:
    module = target.lstrip(".")
    return Import(level=len(target) - len(module), module=module, names=names, top=False, lazy=True)


def _literal(value: ast.expr) -> tuple[Any] | None:
    """The value of a literal, in a tuple of one; None for anything that is computed."""
    try:
        return (ast.literal_eval(value),)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _is_facade(body: Iterable[ast.stmt], imports: Iterable[Import]) -> bool:
    """Whether nothing is done, and each name that is passed on is what an import or a literal says.

    A star may bind any name over those, and so may an assignment: then only the whole source says.
    """
    imported = {bound for item in imports for _, bound in item.names}
    imported |= {item.bound or item.module.partition(".")[0] for item in imports if not item.names}
    assigned: set[str] = set()
    for statement in body:
        if not _is_facade_statement(statement):
            return False
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                assigned.add(name)
    return "*" not in imported and not imported & assigned


def _is_facade_statement(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(target=ast.Name(), value=value):
            return value is None or _literal(value) is not None
        case ast.FunctionDef(name="__getattr__" | "__dir__"):
            return True
        case ast.If() if _type_checking(statement.test):
            return all(_is_facade_statement(inner) for inner in (*statement.body, *statement.orelse))
    return False
