"""What the scan reads off one source."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline_lib.caching.imports import Import, SourceFacts, facts_of


def modules(source: str) -> list[str]:
    found = facts_of(source.encode()).imports
    return [("." * item.level) + item.module for item in found]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("import a.b", ["a.b"], id="import"),
        pytest.param("from a import b", ["a"], id="from"),
        pytest.param("from . import b", ["."], id="relative"),
        pytest.param("from ..a.b import c", ["..a.b"], id="relative-deep"),
        pytest.param("def f():\n    import a", ["a"], id="in-function"),
        pytest.param("async def f():\n    def g():\n        from a import b", ["a"], id="in-nested-function"),
        pytest.param("class C:\n    import a", ["a"], id="in-class"),
        pytest.param("try:\n    import a\nexcept ImportError:\n    import b", ["a", "b"], id="in-try"),
        pytest.param("with x:\n    import a", ["a"], id="in-with"),
        pytest.param("match x:\n    case 1:\n        import a", ["a"], id="in-match"),
        pytest.param("if TYPE_CHECKING:\n    import a", [], id="type-checking"),
        pytest.param(
            "if t.TYPE_CHECKING:\n    import a\nelse:\n    import b", ["b"], id="type-checking-else"
        ),
        pytest.param(
            "if not TYPE_CHECKING:\n    import a\nelse:\n    import b", ["a"], id="not-type-checking"
        ),
        pytest.param(
            "import importlib\nimportlib.import_module('a.b')", ["importlib", "a.b"], id="import-module"
        ),
        pytest.param("import_module(name)", [], id="import-module-computed"),
        pytest.param("x = __import__('a')", ["a"], id="dunder-import"),
        pytest.param("import_module('.b', 'a.c')", ["a.c.b"], id="import-module-anchored"),
        pytest.param("import_module('..b', package='a.c')", ["a.b"], id="import-module-anchored-above"),
        pytest.param("import_module('.b', __package__)", ["."], id="import-module-package"),
        pytest.param("f = lambda: import_module('a')", ["a"], id="in-lambda"),
        pytest.param("def f(:", [], id="syntax-error"),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, expected: list[str]) -> None:
    assert modules(source) == expected


def test_an_import_in_a_function_is_not_run_on_import() -> None:
    found = facts_of(b"import a\ndef f():\n    import b\n").imports
    assert [(item.module, item.top) for item in found] == [("a", True), ("b", False)]


@pytest.mark.parametrize(
    ("level", "module", "package", "expected"),
    [
        (0, "a.b", "x", "a.b"),
        (1, "b", "x.y", "x.y.b"),
        (2, "b", "x.y", "x.b"),
        (1, "", "x", "x"),
        (2, "b", "x", ""),
        (1, "b", "", ""),
    ],
)
def test_dots_are_counted_from_the_package(level: int, module: str, package: str, expected: str) -> None:
    assert Import(level=level, module=module).base(package) == expected


@pytest.mark.parametrize(
    ("source", "facade"),
    [
        ('"""Doc."""\nfrom a import b\n__all__ = ["b"]\n', True),
        ("", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import b\n", True),
        ('__version__ = "1"\n_TABLE: dict[str, str] = {"b": "a"}', True),
        ("def __getattr__(name): ...", True),
        ("x = f()", False),
        ("from os import environ\nenviron['X'] = '1'", False),
        ("from a import b\nb()", False),
        ("def helper(): ...", False),
        ("try:\n    from a import b\nexcept ImportError:\n    from c import b\n", False),
        ("from a import b\nb = 3", False),
        ("import a.b\na: int = 3", False),
        ("from a import *", False),
    ],
)
def test_a_facade_only_imports_and_exports(source: str, facade: bool) -> None:
    assert facts_of(source.encode()).facade is facade


def test_facts_survive_json() -> None:
    facts = facts_of(b"from .a import b as c\nimport d.e as f\ndef __getattr__(name):\n    import h\n")
    assert SourceFacts.from_json(facts.as_json()) == facts


@pytest.mark.parametrize(
    "table",
    [
        '{"train": "pkg.keras"}',
        '{"train": ".keras"}',
        '{"train": "pkg.keras:train"}',
        '{"train": ("pkg.keras", "train")}',
        '{"pkg.keras": ("train", "fit")}',
        '{".keras": ["train"]}',
    ],
)
def test_a_table_of_a_lazy_package_says_where_names_come_from(table: str) -> None:
    facts = facts_of(f"_TABLE = {table}\ndef __getattr__(name): ...".encode())
    assert facts.facade
    assert [(item.base("pkg"), ("train", "train") in item.names, item.lazy) for item in facts.imports] == [
        ("pkg.keras", True, True)
    ]


def test_what_a_look_up_by_name_does_is_kept_apart_from_its_table() -> None:
    """Not the text: a comment in an `__init__.py` is nobody's code."""
    plain, edited, other = (
        facts_of(f"_TABLE = {{'f': '.a'}}\ndef __getattr__(name):\n    return {body}".encode()).passing
        for body in ("load(_TABLE[name])", "load( _TABLE[name] )  # as asked", "wrapped(load(_TABLE[name]))")
    )
    assert plain == edited != other
    assert facts_of(b"import a").passing == ""


def test_what_checkers_see_says_what_a_lazy_package_passes_on() -> None:
    source = b"if TYPE_CHECKING:\n    from .keras import train\ndef __getattr__(name):\n    import x"
    assert [(item.module, item.lazy) for item in facts_of(source).imports] == [("x", False), ("keras", True)]


def test_threads_may_read_sources_at_once() -> None:
    """A collection of garbage that lets other threads run ended CPython 3.11's parser in a SystemError."""
    deep = "(" * 40 + "1" + ")" * 40
    source = f"def f(a={deep}):\n    return [a, {{b: [c] for b in a}}]\n".encode() * 60
    thresholds = gc.get_threshold()

    def give_way(phase: str, info: dict[str, int]) -> None:
        time.sleep(0)

    gc.callbacks.append(give_way)
    gc.set_threshold(50)
    try:
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(lambda _: facts_of(source), range(36)))
    finally:
        gc.callbacks.remove(give_way)
        gc.set_threshold(*thresholds)
    assert [(facts.imports, facts.facade) for facts in found] == [((), False)] * 36
