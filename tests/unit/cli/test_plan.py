"""`pipeline plan`."""

from unit.cli.command import Command


def test_the_forecast_says_why(pipeline: Command) -> None:
    pipeline.run()
    given = ("-p", "source=number.txt", "-p", "plus=2")
    verdicts = {
        each["key"]: (each["verdict"], each["reason"]) for each in pipeline.json("plan", "chain", *given)
    }
    assert verdicts["read"][0] == "hit"
    assert verdicts["add"] == ("miss", "plus: 1 -> 2")
    assert verdicts["last"] == ("pending", "depends on what add puts out")
    assert "miss     plus: 1 -> 2" in pipeline("plan", "chain", *given)


def test_nothing_is_recorded(pipeline: Command) -> None:
    pipeline("plan", "chain", "-p", "source=number.txt")
    assert pipeline.json("runs") == []


def test_a_missing_parameter_is_an_error_of_use(pipeline: Command) -> None:
    pipeline("plan", "chain", code=2)
    assert "[PL402] chain needs source" in pipeline.error
