"""Distributions by the files they installed."""

from pathlib import Path

import pytest

from pipeline_lib.caching.installed import (
    HEAVY_NATIVE_BYTES,
    direct_editables,
    installed,
    path_below,
    read_installed,
)


def install(
    site: Path, name: str, version: str, files: dict[str, int], requires: str = "", url: str = ""
) -> None:
    """Lay down a distribution's RECORD and METADATA, and its (empty) files."""
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    rows = [f"{path},sha256=x,{size}" for path, size in files.items()]
    rows += [f"{folder.name}/RECORD,,", f"../../../bin/{name},sha256={site.name},1"]
    (folder / "RECORD").write_text("\n".join(rows) + "\n")
    (folder / "METADATA").write_text(f"Name: {name}\n{requires}\nRequires-Dist: far; extra == 'x'\n\nbody\n")
    if url:
        (folder / "direct_url.json").write_text(url)
    for path in files:
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).touch()


def owners(site: Path, file: str) -> list[tuple[str, str]]:
    return [(d.name, d.version) for d in read_installed(str(site)).owner(str(site / file))]


def test_a_file_belongs_to_the_distribution_that_installed_it(tmp_path: Path) -> None:
    install(tmp_path, "PyYAML", "6.0", {"yaml/__init__.py": 1, "_yaml/__init__.py": 1})
    assert owners(tmp_path, "yaml/reader.py") == [("pyyaml", "6.0")]


def test_a_shared_namespace_is_divided_below(tmp_path: Path) -> None:
    install(tmp_path, "google_a", "1", {"google/a/__init__.py": 1})
    install(tmp_path, "google_b", "2", {"google/b/c/__init__.py": 1})
    assert owners(tmp_path, "google/a/__init__.py") == [("google-a", "1")]
    assert owners(tmp_path, "google/b/c/__init__.py") == [("google-b", "2")]
    assert owners(tmp_path, "google") == []


def test_a_file_installed_twice_belongs_to_both(tmp_path: Path) -> None:
    install(tmp_path, "one", "1", {"cv/__init__.py": 1, "cv/one.py": 1})
    install(tmp_path, "two", "2", {"cv/__init__.py": 1})
    assert owners(tmp_path, "cv/__init__.py") == [("one", "1"), ("two", "2")]


def test_a_stray_file_belongs_to_nobody(tmp_path: Path) -> None:
    install(tmp_path, "one", "1", {"one.py": 1})
    assert owners(tmp_path, "stray.py") == []


def test_what_was_not_installed_from_a_registry_counts_by_its_files(tmp_path: Path) -> None:
    install(tmp_path / "a", "one", "1", {"one.py": 1}, url="{}")
    install(tmp_path / "b", "one", "1", {"one.py": 1}, url='{"elsewhere": 1}')
    install(tmp_path / "c", "one", "1", {"one.py": 2}, url="{}")
    versions = [owners(tmp_path / place, "one.py")[0][1] for place in "abc"]
    assert versions[0].startswith("1+files.")
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.parametrize(
    ("name", "heavy"), [("native", True), ("needs", True), ("far", False), ("light", False)]
)
def test_native_code_or_needing_it_makes_heavy(tmp_path: Path, name: str, heavy: bool) -> None:
    half = HEAVY_NATIVE_BYTES // 2
    install(tmp_path, "native", "1", {"native/a.so": half, "native.libs/libb.so.3": half})
    install(tmp_path, "needs", "1", {"needs.py": 1}, requires="Requires-Dist: Native>=1 ; python_version>'3'")
    install(tmp_path, "far", "1", {"far.py": 1}, requires="Requires-Dist: needs")
    install(tmp_path, "light", "1", {"light/big.py": 2 * HEAVY_NATIVE_BYTES})
    assert read_installed(str(tmp_path)).heavy(name) is heavy


def test_the_answer_is_kept_until_something_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline_lib.caching.installed._SETTLED_NS", 0)
    site, memo = tmp_path / "site", tmp_path / "memo"
    install(site, "one", "1", {"one.py": 1})
    before = installed(str(site), memo)
    assert len(list(memo.iterdir())) == 1
    assert installed(str(site), memo) == before == read_installed(str(site))
    install(site, "two", "1", {"two.py": 1})
    assert installed(str(site), memo).owner(str(site / "two.py"))[0].name == "two"


def test_the_environment_of_this_test_is_understood() -> None:
    site = Path(pytest.__file__).parent.parent
    found = read_installed(str(site))
    assert [d.name for d in found.owner(str(site / "google" / "protobuf" / "message.py"))] == ["protobuf"]
    assert {
        name: found.heavy(name) for name in ("tensorflow", "keras", "apache-beam", "pyarrow", "numpy")
    } == dict.fromkeys(("tensorflow", "keras", "apache-beam", "pyarrow", "numpy"), True)
    assert not any(found.heavy(name) for name in ("pydantic", "jinja2", "sqlalchemy", "rich", "protobuf"))


def test_packages_mapped_into_place_are_known(tmp_path: Path) -> None:
    (tmp_path / "__editable___pkg_0_1_finder.py").write_text(
        "import sys\nMAPPING: dict[str, str] = {'pkg': '/src/pkg'}\nNAMESPACES = {}\n"
    )
    assert direct_editables(str(tmp_path), ["__editable___pkg_0_1_finder.py", "other.py"]) == {
        "pkg": "/src/pkg"
    }


@pytest.mark.parametrize(
    ("directory", "path", "rest"),
    [("/a", "/a/b/c.py", "b/c.py"), ("/a/", "/a/b/c.py", "b/c.py"), ("/", "/a/b.py", "a/b.py")],
)
def test_the_rest_of_a_path(directory: str, path: str, rest: str) -> None:
    assert path_below(directory, path) == rest
