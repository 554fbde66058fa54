"""What counts as a component's code: followed on real files, imported never."""

from pathlib import Path

import pytest

from pipeline_lib.caching.finder import Finder, search_path
from pipeline_lib.caching.memo import SourceMemo
from pipeline_lib.caching.scan import CodeScan, Scanner, heavy_modules

Tree = dict[str, str]


def lay(root: Path, tree: Tree) -> None:
    for name, source in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source)


def scan(root: Path, tree: Tree, entry: str = "p.entry") -> CodeScan:
    lay(root, tree)
    scanner = Scanner(Finder(search_path([root])), SourceMemo(None))
    assert scanner.add_module(entry)
    return scanner.result()


def distribution(name: str, version: str, module: str, size: int = 1) -> Tree:
    folder = f"{name}-{version}.dist-info"
    return {
        f"{folder}/RECORD": f"{module}/__init__.py,,1\n{module}/native.so,,{size}\n",
        f"{folder}/METADATA": f"Name: {name}\n",
        f"{module}/__init__.py": "",
        f"{module}/sub.py": "import sqlite3",
    }


FACADE: Tree = {
    "p/__init__.py": "from p.a import f\nfrom p.b import g\n",
    "p/a.py": "",
    "p/b.py": "from p import c",
    "p/c.py": "",
}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        pytest.param(
            {"p/entry.py": "import p.a", "p/a.py": "from p import b", "p/b.py": ""},
            "a b entry",
            id="two-away",
        ),
        pytest.param(
            {"p/entry.py": "def f():\n    from p._body import run", "p/_body.py": ""},
            "_body entry",
            id="body",
        ),
        pytest.param(
            {"p/entry.py": "from . import a", "p/a.py": "from .entry import x"}, "a entry", id="cycle"
        ),
        pytest.param({"p/entry.py": "from p.n import a", "p/n/a.py": ""}, "entry n/a", id="namespace"),
        pytest.param(
            {"p/entry.py": "from p.a import missing", "p/a.py": "", "p/b.py": ""}, "a entry", id="not-b"
        ),
        pytest.param({"p/entry.py": "import nothing.there"}, "entry", id="missing"),
        pytest.param(
            {"p/entry.py": "if TYPE_CHECKING:\n    import p.a", "p/a.py": ""}, "entry", id="type-checking"
        ),
        pytest.param({"p/entry.py": "import_module('p.a')", "p/a.py": ""}, "a entry", id="import-module"),
        pytest.param({"p/entry.py": "def f(:"}, "entry", id="syntax-error"),
        pytest.param({"p/entry.py": "from p.a import *", "p/a.py": ""}, "a entry", id="star"),
    ],
)
def test_first_party_source_is_followed(tmp_path: Path, tree: Tree, expected: str) -> None:
    found = scan(tmp_path, tree)
    assert [name.removeprefix("p/").removesuffix(".py") for name in found.files] == expected.split()


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param("from p import f", {"p/a.py"}, id="name"),
        pytest.param("from p import f as g", {"p/a.py"}, id="renamed"),
        pytest.param("from p import g", {"p/b.py", "p/c.py"}, id="other-name"),
        pytest.param("from p import a", {"p/a.py"}, id="submodule"),
        pytest.param("from p.c import x", {"p/c.py"}, id="past-the-facade"),
        pytest.param("import p", {"p/__init__.py", "p/a.py", "p/b.py", "p/c.py"}, id="whole"),
        pytest.param("import p.a", {"p/__init__.py", "p/a.py", "p/b.py", "p/c.py"}, id="binds-the-whole"),
        pytest.param("import p.a as a", {"p/a.py"}, id="binds-the-module"),
        pytest.param("from p import *", {"p/__init__.py", "p/a.py", "p/b.py", "p/c.py"}, id="star"),
        pytest.param(
            "from p import unknown", {"p/__init__.py", "p/a.py", "p/b.py", "p/c.py"}, id="unknown-name"
        ),
    ],
)
def test_a_facade_counts_for_what_is_asked_of_it(tmp_path: Path, entry: str, expected: set[str]) -> None:
    found = scan(tmp_path, {**FACADE, "q.py": entry}, "q")
    assert set(found.files) == {"q.py", *expected}


def test_a_name_is_followed_through_several_facades(tmp_path: Path) -> None:
    tree = {
        "p/__init__.py": "from .inner import f",
        "p/inner/__init__.py": "from ._impl import g as f\nfrom ._other import h",
        "p/inner/_impl.py": "",
        "p/inner/_other.py": "",
        "q.py": "from p import f",
    }
    assert set(scan(tmp_path, tree, "q").files) == {"p/inner/_impl.py", "q.py"}


@pytest.mark.parametrize(
    ("facade", "expected"),
    [
        pytest.param("from p.m import mean", {}, id="nothing-asked"),
        pytest.param("from p.m import mean as f", {"p/__init__.py:f": "p.m:mean"}, id="renamed"),
        pytest.param("from .m import f", {"p/__init__.py:f": "p.m:f"}, id="relative"),
        pytest.param("import p.m as f", {"p/__init__.py:f": "p.m"}, id="module"),
        pytest.param(
            "from p.m import a as f\nfrom p.n import a as f",
            {"p/__init__.py:f": "p.m:a, p.n:a"},
            id="bound-twice",
        ),
    ],
)
def test_where_a_facade_takes_a_name_from_is_kept(
    tmp_path: Path, facade: str, expected: dict[str, str]
) -> None:
    tree = {"p/__init__.py": facade, "p/m.py": "", "p/n.py": "", "q.py": "from p import f"}
    assert scan(tmp_path, tree, "q").names == expected


def test_each_facade_on_the_way_counts(tmp_path: Path) -> None:
    tree = {
        "p/__init__.py": "from .inner import f",
        "p/inner/__init__.py": "from ._impl import g as f",
        "p/inner/_impl.py": "",
        "q.py": "from p import f",
    }
    assert scan(tmp_path, tree, "q").names == {
        "p/__init__.py:f": "p.inner:f",
        "p/inner/__init__.py:f": "p.inner._impl:g",
    }


def test_how_a_lazy_facade_passes_a_name_on_counts(tmp_path: Path) -> None:
    tree = {"p/__init__.py": "_T = {'f': 'p.a'}\ndef __getattr__(name): ...", "p/a.py": ""}
    tree |= {"q.py": "from p import f"}
    before = scan(tmp_path / "one", tree, "q")
    tree["p/__init__.py"] = "_T = {'f': 'p.a'}\ndef __getattr__(name):\n    return wrapped(name)"
    after = scan(tmp_path / "two", tree, "q")
    assert set(before.files) == set(after.files) == {"p/a.py", "q.py"}
    assert before.names["p/__init__.py:f"].startswith("p.a:f by __getattr__ ")
    assert before.names != after.names


def test_a_facade_of_stars_counts_whole(tmp_path: Path) -> None:
    """A star may bind any name over those that are named."""
    tree = {"p/__init__.py": "from p.a import f\nfrom p.b import *", "p/a.py": "", "p/b.py": ""}
    tree |= {"q.py": "from p import f"}
    assert set(scan(tmp_path, tree, "q").files) == {"p/__init__.py", "p/a.py", "p/b.py", "q.py"}


def test_facades_that_pass_on_each_other_s_names_end(tmp_path: Path) -> None:
    tree = {"p/__init__.py": "from q import x", "q/__init__.py": "from p import x", "r.py": "from p import x"}
    assert "r.py" in scan(tmp_path, tree, "r").files


def test_a_lazy_facade_is_followed_by_name(tmp_path: Path) -> None:
    tree = {
        "p/__init__.py": "_T = {'f': 'p.a', 'g': 'p.b'}\ndef __getattr__(name): ...",
        "p/a.py": "",
        "p/b.py": "",
        "q.py": "from p import f",
    }
    assert set(scan(tmp_path, tree, "q").files) == {"p/a.py", "q.py"}


def test_what_a_parent_package_runs_counts(tmp_path: Path) -> None:
    tree = {
        "p/__init__.py": "import os\nos.environ['X'] = '1'\nfrom p import settings",
        "p/settings.py": "",
        "p/entry.py": "",
    }
    assert set(scan(tmp_path, tree).files) == {"p/__init__.py", "p/settings.py", "p/entry.py"}


def test_modules_that_a_parent_facade_imports_run_with_it(tmp_path: Path) -> None:
    tree = {"p/__init__.py": "from . import registered\nfrom .other import name", "p/registered.py": ""}
    tree |= {"p/other.py": "", "p/entry.py": ""}
    assert set(scan(tmp_path, tree).files) == {"p/registered.py", "p/entry.py"}


def test_installed_code_counts_by_version(tmp_path: Path) -> None:
    tree = distribution("Some_Lib", "1.5", "somelib") | {"p/entry.py": "from somelib import sub\nimport json"}
    found = scan(tmp_path, tree)
    assert dict(found.distributions) == {"some-lib": "1.5"}
    assert set(found.files) == {"p/entry.py"}
    assert [third.module for third in found.third_party] == ["somelib.sub"]


@pytest.mark.parametrize(("size", "heavy"), [(1, ()), (20_000_000, ("somelib",))])
def test_heavy_modules_are_those_to_import_ahead(tmp_path: Path, size: int, heavy: tuple[str, ...]) -> None:
    tree = distribution("somelib", "1", "somelib", size) | {
        "p/entry.py": "def f():\n    import somelib, json"
    }
    assert heavy_modules(scan(tmp_path, tree)) == heavy


def test_the_components_count_by_source_even_when_installed(tmp_path: Path) -> None:
    tree = distribution("pipeline-lib", "0.1", "pipeline_components") | {
        "p/entry.py": "from pipeline_components.train import keras",
        "pipeline_components/train/__init__.py": "",
        "pipeline_components/train/keras.py": "",
    }
    found = scan(tmp_path, tree)
    assert set(found.files) == {"p/entry.py", "pipeline_components/train/keras.py"}
    assert not found.distributions


def test_the_library_itself_does_not_count(tmp_path: Path) -> None:
    found = scan(
        tmp_path, {"p/entry.py": "from pipeline_lib import component, Model\nimport pipeline_lib.plan.models"}
    )
    assert set(found.files) == {"p/entry.py"}
    assert not found.distributions
    assert heavy_modules(found) == ()


def test_what_the_library_imports_on_one_s_behalf_is_imported_ahead_but_does_not_count(
    tmp_path: Path,
) -> None:
    tree = distribution("big", "1", "big", 20_000_000) | distribution("far", "1", "far", 20_000_000)
    tree |= {
        "pipeline_lib/__init__.py": "",
        "pipeline_lib/beam.py": "import big\ndef f():\n    import far",
        "p/entry.py": "from pipeline_lib import beam",
    }
    found = scan(tmp_path, tree)
    assert heavy_modules(found) == ("big",)
    assert not found.distributions


def test_the_library_is_read_once_a_process_and_leads_to_the_same_for_every_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    facts = SourceMemo.facts
    monkeypatch.setattr(SourceMemo, "facts", lambda self, file: read.append(file) or facts(self, file))
    tree = distribution("big", "1", "big", 20_000_000) | {
        "pipeline_lib/__init__.py": "",
        "pipeline_lib/beam.py": "from pipeline_lib import deep",
        "pipeline_lib/deep.py": "import big",
        "p/entry.py": "from pipeline_lib import beam",
        "p/other.py": "from pipeline_lib import beam",
    }
    first, second = scan(tmp_path, tree), scan(tmp_path, {}, entry="p.other")
    assert heavy_modules(first) == heavy_modules(second) == ("big",)
    assert sum(file.endswith("deep.py") for file in read) == 1
    assert [set(found.files) for found in (first, second)] == [{"p/entry.py"}, {"p/other.py"}]


def test_what_a_lazy_parent_could_pass_on_does_not_run_with_it(tmp_path: Path) -> None:
    lazy = "if TYPE_CHECKING:\n    from . import a\ndef __getattr__(name): ..."
    found = scan(tmp_path, {"p/__init__.py": lazy, "p/a.py": "", "p/entry.py": ""})
    assert set(found.files) == {"p/entry.py"}


def test_nothing_is_run(tmp_path: Path) -> None:
    trap = "raise RuntimeError('run')\n"
    found = scan(tmp_path, {"p/__init__.py": trap, "p/entry.py": f"{trap}import p.a", "p/a.py": trap})
    assert len(found.files) == 3


def test_a_scan_does_not_depend_on_the_project_s_place(tmp_path: Path) -> None:
    tree = {**FACADE, "q.py": "import p"}
    assert scan(tmp_path / "here", tree, "q") == scan(tmp_path / "there/deep", tree, "q")
