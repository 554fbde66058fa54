"""What is wrong with a command line itself has the form of every other error."""

import pytest

from unit.cli.command import Command


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param("rnus", ["No such command 'rnus'", "did you mean 'runs'?"], id="command"),
        pytest.param("bogus", ["No such command 'bogus'", "pipeline --help"], id="nothing-near"),
        pytest.param("host nope", ["No such command 'nope'", "pipeline host --help"], id="sub-command"),
        pytest.param("list --jsn", ["No such option: --jsn", "did you mean --json?"], id="option"),
        pytest.param("plan", ["Missing argument 'PIPELINE'", "usage: pipeline plan [OPTIONS] PIPELINE"]),
        pytest.param("runs --limit many", ["'--limit'", "integer"], id="type"),
        pytest.param("runs --limit 0", ["'--limit'", "greater than or equal to 1"], id="range"),
        pytest.param("run chain --verify hard", ["'--verify'", "full"], id="choice"),
    ],
)
def test_a_wrong_line_is_explained(pipeline: Command, line: str, told: list[str]) -> None:
    assert pipeline(*line.split(), code=2) == ""
    assert pipeline.error.startswith("[PL605] ")
    for text in told:
        assert text in pipeline.error


def test_a_program_gets_json(pipeline: Command) -> None:
    error = pipeline.json("rnus", code=2)["error"]
    assert (error["code"], error["fix"]) == ("PL605", "did you mean 'runs'?")
