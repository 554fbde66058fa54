"""Run parameters and profiles that cannot be: refused before anything runs."""

import importlib
import sys
from pathlib import Path

import pytest

from unit.cli.command import Command

pytestmark = pytest.mark.xdist_group("bad-input")

PARAMETERS = [
    ([], "needs rows", "pass --param rows="),
    (["rows=11"], "smaller than or equal to 10", "declared type and range"),
    (["rows=0"], "bigger than or equal to 1", "declared type and range"),
    (["rows=many"], "needs: integer", "declared type and range"),
    (["rows=1.5"], "needs: integer", "declared type and range"),
    (["rows=1", "size=huge"], "one of ['small', 'large']", "declared type and range"),
    (["rows=1", "tag=123456789"], "shorter than or equal to 8", "declared type and range"),
    (["rows=1", "rwos=2"], "has no parameter rwos", "did you mean rows"),
    (["rows=1", "since=yesterday"], "a date, YYYY-MM-DD", "declared type and range"),
    (["rows=1.0"], "needs: integer", "write 1"),
    (["rows=1", "share=nan"], "needs: number", "declared type and range"),
    (["rows=1", "share=.inf"], "finite numbers", "another value"),
    (["rows=1", "tag=\udcff"], "Unicode text", "another value"),
    (["rows=1", "since=20260101"], "a date, YYYY-MM-DD", "declared type and range"),
    (["rows=1", "names=[1,2"], "cannot be read", "write it as YAML or JSON"),
    (["rows=1", "names=!!python/object/apply:os.system ['touch hacked']"], "cannot be read", "YAML or JSON"),
    (["rows"], "NAME=VALUE", "--param rows=VALUE"),
    (["rows=1", "rows=2"], "given twice", "give it once"),
]


@pytest.mark.parametrize(("given", "place", "fix"), PARAMETERS, ids=lambda value: " ".join(value) or "none")
def test_parameters(given: list[str], place: str, fix: str, command: Command) -> None:
    said = command.failing("run", "counted", *(word for one in given for word in ("-p", one)))
    assert "[PL402]" in said
    assert place in said
    assert fix in said.partition("fix:")[2]
    nothing_happened(command)
    command("run", "counted", "-p", "rows=1")


PROFILES = [
    ("artifacts: [", "PL601", "local.yaml", "mend the syntax"),
    ("artefacts: {root: x}", "PL601", "artefacts", "did you mean artifacts"),
    ("parallelism: many", "PL601", "local.yaml", "give a value of the right type"),
    ("parallelism: 0", "PL601", "local.yaml", "give a value of the right type"),
    ("metadata: {url: 'nosuch://x'}", "PL305", "nosuch", "sqlite:///path"),
    ("metadata: {url: 'postgresql://u:secret@127.0.0.1:1/x'}", "PL602", "127.0.0.1", "password: env:NAME"),
    (
        "metadata: {url: 'postgresql://u@127.0.0.1:1/x', password: 'env:NO_SUCH_VARIABLE'}",
        "PL602",
        "NO_SUCH_VARIABLE",
        "",
    ),
    ("metadata: {url: 'postgresql://u@127.0.0.1:1/x'}", "PL3", "127.0.0.1", ""),
    ("beam: !!python/object/apply:os.system ['touch hacked']", "PL601", "local.yaml", "mend the syntax"),
    ("- a list", "PL601", "local.yaml", "key: value"),
    ("import_paths: modules", "PL601", "local.yaml", "write a list: [modules]"),
    ("import_paths: [modlues]", "PL603", "modlues", "there is no folder modlues"),
    ("serving:\n\tkeep_versions: 3", "PL601", "local.yaml", "mend the syntax"),
]


@pytest.mark.parametrize(("text", "code", "place", "fix"), PROFILES, ids=lambda value: value)
def test_profiles(text: str, code: str, place: str, fix: str, command: Command) -> None:
    file = command.folder / "configs/local.yaml"
    good = file.read_text()
    file.write_text(text if text[0] == "-" else good + text)
    said = command.failing("run", "counted", "-p", "rows=1")
    assert f"[{code}" in said
    assert place in said
    assert fix in said.partition("fix:")[2]
    assert "secret@" not in said
    nothing_happened(command)
    file.write_text(good)
    command("run", "counted", "-p", "rows=1")


def test_a_variable_that_is_almost_a_setting_s(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be passed over, and the run go into another store than was meant."""
    monkeypatch.setenv("PIPELINE_METADATA_URL", "sqlite:///meant.sqlite")
    monkeypatch.setenv("PIPELINE_ID", "4711")  # what others call theirs is nobody's business
    said = command.failing("run", "counted", "-p", "rows=1")
    assert "[PL601] the variable PIPELINE_METADATA_URL" in said
    assert "did you mean PIPELINE_METADATA__URL" in said.partition("fix:")[2]
    nothing_happened(command)
    monkeypatch.delenv("PIPELINE_METADATA_URL")
    command("run", "counted", "-p", "rows=1")


def test_a_profile_s_name(command: Command) -> None:
    said = command.failing("run", "counted", "-p", "rows=1", "--profile", "lcoal")
    assert "[PL601] there is no profile lcoal" in said
    assert "did you mean local" in said.partition("fix:")[2]
    nothing_happened(command)
    command("run", "counted", "-p", "rows=1", "--profile", "local")


def test_a_secret_in_clear(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2")
    said = command.failing("run", "guarded", "-p", "password=hunter2")
    assert "[PL602]" in said
    assert "environment variable" in said.partition("fix:")[2]
    assert "hunter2" not in said
    nothing_happened(command)
    command("run", "guarded", "-p", "password=env:MY_SECRET")
    store = (command.folder / ".pipeline/metadata.sqlite").read_bytes()
    assert b"env:MY_SECRET" in store
    assert b"hunter2" not in store


PIPELINE = """
from pipeline_lib import pipeline
from untrusted.components import Size, count
from datetime import date

@pipeline(name="typed")
def typed(rows: int) -> None:
    count(rows=rows, share=0.5, size=Size.SMALL, tag="", names=[], since=date(2026, 1, 1))
"""
SLIPS = [
    ("import pipeline", "import pipelin", "PL603", "typed/pipeline.py:2", "did you mean pipeline"),
    ("Size, count", "Size, cuont", "PL603", "typed/pipeline.py:3", "did you mean count"),
    ("share=0.5", "shar=0.5", "PL103", "typed/pipeline.py:8", "did you mean share"),
    ("rows: int", "rows", "PL108", "typed/pipeline.py:6", "rows: int"),
    ("rows=rows", "rows=rwos", "PL114", "typed/pipeline.py:8", "did you mean rows"),
    ('tag=""', "tag=7", "PL104", "typed/pipeline.py:8", ""),
    ("count(", 'count.options(id="../x")(', "PL109", "typed/pipeline.py:8", ""),
    ("count(", 'count.options(cache="no")(', "PL113", "typed/pipeline.py:8", "pass True, False or"),
    ('@pipeline(name="typed")', "@pipeline", "PL108", "typed/pipeline.py:6", 'write @pipeline(name="typed")'),
    ('name="typed"', 'name="../typed"', "PL108", "typed/pipeline.py:6", "use letters"),
    (") -> None:", ") -> None", "PL603", "typed/pipeline.py:7", "mend the module"),
]


@pytest.mark.parametrize(("right", "wrong", "code", "place", "fix"), SLIPS, ids=str)
def test_slips_in_a_pipeline(
    right: str, wrong: str, code: str, place: str, fix: str, command: Command
) -> None:
    file = command.folder / "modules/typed/pipeline.py"
    file.parent.mkdir()
    file.write_text(PIPELINE.replace(right, wrong, 1))
    forget("typed")
    said = command.failing("run", "typed", "-p", "rows=1")
    assert f"[{code}]" in said, said
    assert place in said, said
    assert fix in said.partition("fix:")[2], said
    nothing_happened(command)
    file.write_text(PIPELINE + "# mended\n")
    forget("typed")
    command("run", "typed", "-p", "rows=1")
    forget("typed")


def forget(package: str) -> None:
    """The next command imports it anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    importlib.invalidate_caches()


def nothing_happened(command: Command) -> None:
    assert not (command.folder / "hacked").exists()
    assert not list(Path(command.folder, ".pipeline").glob("artifacts/*/*"))
