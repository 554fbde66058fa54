"""Run parameters and profiles that cannot be: refused before anything runs."""

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
    (["rows=1", "share=nan"], "needs: number", "declared type and range"),
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


def nothing_happened(command: Command) -> None:
    assert not (command.folder / "hacked").exists()
    assert not list(Path(command.folder, ".pipeline").glob("artifacts/*/*"))
