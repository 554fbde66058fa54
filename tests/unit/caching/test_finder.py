"""Modules are found as Python would find them."""

import importlib.util
import sys
import sysconfig
from pathlib import Path

import pytest

from pipeline_lib.caching.finder import Finder, Found, StandardLibrary, python_version, search_path


def lay(root: Path, *files: str) -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


def place(path: list[Path], name: str) -> str | None:
    found = Finder([str(p) for p in path]).find(name)
    return found.file if isinstance(found, Found) else None


@pytest.mark.parametrize(
    ("files", "name", "expected"),
    [
        (["a.py"], "a", "a.py"),
        (["a/__init__.py", "a/b.py"], "a.b", "a/b.py"),
        (["a/__init__.py", "a.py"], "a", "a/__init__.py"),
        (["a/b.py", "a.py"], "a", "a.py"),
        (["a/b/c.py"], "a.b.c", "a/b/c.py"),
        (["a.py"], "a.b", None),
        (["a/b.txt"], "a.b", None),
    ],
)
def test_packages_come_before_modules_before_namespaces(
    tmp_path: Path, files: list[str], name: str, expected: str | None
) -> None:
    lay(tmp_path, *files)
    assert place([tmp_path], name) == (str(tmp_path / expected) if expected else None)


def test_a_namespace_package_has_parts_in_several_places(tmp_path: Path) -> None:
    lay(tmp_path, "one/ns/a.py", "two/ns/b.py")
    path = [tmp_path / "one", tmp_path / "two"]
    assert place(path, "ns.a") == str(tmp_path / "one/ns/a.py")
    assert place(path, "ns.b") == str(tmp_path / "two/ns/b.py")


def test_a_regular_package_later_on_the_path_wins_over_a_namespace(tmp_path: Path) -> None:
    lay(tmp_path, "one/p/a.py", "two/p/__init__.py")
    assert place([tmp_path / "one", tmp_path / "two"], "p") == str(tmp_path / "two/p/__init__.py")


def test_the_standard_library_stands_where_sys_path_has_it(tmp_path: Path) -> None:
    lay(tmp_path, "json.py")
    finder = Finder(search_path([]))
    assert isinstance(finder.find("json"), StandardLibrary)
    assert isinstance(finder.find("json.decoder"), StandardLibrary)
    assert place([Path(p) for p in search_path([tmp_path])], "json") == str(tmp_path / "json.py")


@pytest.mark.parametrize(
    "name",
    ["pytest", "google.protobuf.message", "yaml", "pydantic_core._pydantic_core", "six", "numpy.linalg"],
)
def test_it_agrees_with_importlib(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert place([Path(p) for p in search_path([])], name) == spec.origin


def test_nothing_is_imported(tmp_path: Path) -> None:
    lay(tmp_path, "trap/b.py")
    (tmp_path / "trap/__init__.py").write_text("raise RuntimeError('imported')")
    assert place([tmp_path], "trap.b") == str(tmp_path / "trap/b.py")
    assert "trap" not in sys.modules


def test_another_interpreter_has_its_own_packages(tmp_path: Path) -> None:
    site = tmp_path / "venv/lib/python3.12/site-packages"
    lay(tmp_path, "venv/bin/python", "venv/lib/python3.12/site-packages/other.py", "src/edited.py")
    (site / "x.pth").write_text(f"# comment\nimport os\n{tmp_path / 'src'}\nnot/there\n")
    finder = Finder(search_path([], tmp_path / "venv/bin/python"))
    found = [finder.find(name) for name in ("other", "edited", "pytest")]
    assert [f.file if isinstance(f, Found) else None for f in found] == [
        str(site / "other.py"),
        str(tmp_path / "src/edited.py"),
        None,
    ]


def test_a_relative_place_is_the_same_on_every_machine(tmp_path: Path) -> None:
    lay(tmp_path, "deep/down/p/__init__.py", "deep/down/p/m.py")
    found = Finder([str(tmp_path / "deep/down")]).find("p.m")
    assert isinstance(found, Found)
    assert (found.relative, found.package) == ("p/m.py", "p")


def test_the_running_version_of_python() -> None:
    assert python_version() == sysconfig.get_python_version()


@pytest.mark.parametrize(
    ("config", "binary", "expected"),
    [
        ("home = /usr/bin\nversion = 3.12.4\n", "python", "3.12"),
        ("home = /usr/bin\nversion_info = 3.10.2.final.0\n", "python", "3.10"),
        (None, "python3.13", "3.13"),
        (None, "pypy", ""),
    ],
    ids=["venv", "virtualenv", "by its name", "unknown"],
)
def test_another_interpreter_s_version_is_found_without_running_it(
    tmp_path: Path, config: str | None, binary: str, expected: str
) -> None:
    lay(tmp_path, f"bin/{binary}")
    if config is not None:
        (tmp_path / "pyvenv.cfg").write_text(config)
    assert python_version(tmp_path / "bin" / binary) == expected


def test_only_packages_of_the_interpreter_s_own_version_are_seen(tmp_path: Path) -> None:
    lay(tmp_path, *(f"lib/python3.{minor}/site-packages/p{minor}.py" for minor in (9, 12)), "bin/python3.12")
    finder = Finder(search_path([], tmp_path / "bin/python3.12"))
    assert [isinstance(finder.find(name), Found) for name in ("p9", "p12")] == [False, True]
