"""Finding pipelines by name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_lib.cli.discovery import find_pipeline, importable_pipelines
from pipeline_lib.errors import UnknownPipelineError
from unit.cli.command import Command

SOURCE = '''
from pipeline_lib import pipeline
from toy.components import read
from toy.pipeline import chain

@pipeline(name="night-run")
def night_run(source: str) -> None:
    """Reads."""
    chain(source)
'''


@pytest.fixture(autouse=True)
def _project(pipeline: Command) -> None:
    """Each test in a project of its own."""


def test_dash_and_underscore_are_the_same(write_pipeline: Callable[[str, str], None]) -> None:
    write_pipeline("night_run", SOURCE)
    assert find_pipeline("night_run", [Path("mine")]) is find_pipeline("night-run", [Path("mine")])


def test_a_pipeline_may_be_named_otherwise_than_its_folder(
    write_pipeline: Callable[[str, str], None],
) -> None:
    write_pipeline("another_folder", SOURCE)
    assert find_pipeline("night-run", [Path("mine")]).name == "night-run"


def test_one_that_is_imported_counts_where_it_is_defined(
    write_pipeline: Callable[[str, str], None],
) -> None:
    write_pipeline("importing", SOURCE)
    found, errors = importable_pipelines([Path("mine")])
    assert ([pipeline.name for pipeline in found], errors) == (["night-run"], [])


def test_the_nearest_name_is_suggested(write_pipeline: Callable[[str, str], None]) -> None:
    write_pipeline("near_miss", SOURCE)
    with pytest.raises(UnknownPipelineError, match="there is no pipeline night-rum") as caught:
        find_pipeline("night-rum", [Path("mine")])
    assert caught.value.fix == "did you mean night-run?"


def test_a_broken_module_is_named_when_the_pipeline_may_be_in_it(
    write_pipeline: Callable[[str, str], None],
) -> None:
    write_pipeline("does_not_parse", "def (")
    with pytest.raises(UnknownPipelineError, match="there is no pipeline other") as caught:
        find_pipeline("other", [Path("mine")])
    assert "does_not_parse.pipeline cannot be imported: SyntaxError" in caught.value.facts["broken"]


def test_a_folder_that_is_not_there_holds_nothing() -> None:
    with pytest.raises(UnknownPipelineError, match="there is no pipeline x"):
        find_pipeline("x", [Path("nowhere")])


@pytest.mark.parametrize(
    ("source", "line"),
    [pytest.param("x = 1\ndef (", 2, id="syntax"), pytest.param("import re\n\nre.nothing()", 3, id="raises")],
)
def test_a_module_that_cannot_be_imported_is_named_with_its_line(
    write_pipeline: Callable[[str, str], None], source: str, line: int, request: pytest.FixtureRequest
) -> None:
    name = f"broken_{request.node.callspec.id}"
    write_pipeline(name, source)
    with pytest.raises(UnknownPipelineError, match="cannot be imported") as caught:
        find_pipeline(name, [Path("mine")])
    assert caught.value.at == f"mine/{name}/pipeline.py:{line}"
