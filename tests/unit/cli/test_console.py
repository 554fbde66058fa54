"""How values and errors look."""

import json
from pathlib import Path

import pytest
import typer
from rich.text import Text

from pipeline_lib.cli import console
from pipeline_lib.errors import ProfileError


def test_paths_below_the_working_directory_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert console.short_path(str(tmp_path / "a/b")) == "a/b"
    assert console.short_path("/elsewhere/b") == "/elsewhere/b"
    assert console.short_path("s3://bucket/b") == "s3://bucket/b"


def test_a_pipe_gets_whole_lines_without_padding(capsys: pytest.CaptureFixture[str]) -> None:
    rows = console.table("name", "text")
    rows.add_row("a", "long " * 200 + "end")
    rows.add_row("b", "short")
    console.draw(rows)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[2] == "b     short"


def test_an_error_ends_a_command_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as exit_, console.reported():
        raise ProfileError("no such thing", fix="make it")
    assert exit_.value.exit_code == console.EXIT_USAGE
    assert capsys.readouterr().err == "[PL601] no such thing\n  fix: make it\n"


def test_an_error_for_a_program_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), console.reported(as_json=True):
        raise ProfileError("no such thing", fix="make it", got="that")
    shown = json.loads(capsys.readouterr().out)
    assert shown["error"]["facts"] == {"got": "that"}


def test_code_and_fix_are_made_visible() -> None:
    text = console.error_text(ProfileError("no such thing", fix="make it"))
    assert {span.style for span in text.spans} == {"bold red", "green"}


def test_states_have_colours_and_other_words_none() -> None:
    assert console.styled("complete").style == "green"
    assert console.styled("else") == Text("else")
