"""`pipeline stale`."""

from unit.cli.command import Command


def run_day(pipeline: Command, day: int, content: str) -> None:
    (pipeline.folder / f"{day}.txt").write_text(content)
    pipeline("run", "windowed", "-p", f"day=2026-01-0{day}", "-p", f"source={day}.txt", "-p", f"span={day}")


def test_what_late_data_made_stale_is_listed_with_what_to_run_again(pipeline: Command) -> None:
    run_day(pipeline, 1, "1")
    run_day(pipeline, 2, "2")
    assert pipeline("stale") == "no span has a newer version\n"
    run_day(pipeline, 1, "100")
    shown = pipeline("stale", "windowed")
    assert [line.split()[:2] for line in shown.splitlines() if "windowed.read" in line] == [
        ["1", "windowed.read"]
    ]
    assert "2026-01-02  windowed.total" in shown
    assert shown.rstrip().endswith("run again: 2026-01-02")
    assert pipeline.json("stale")["run_again"] == ["2026-01-02"]
    assert pipeline("stale", "--span", "2").startswith("no span")
    run_day(pipeline, 2, "2")
    assert "nothing is left that was made from the older ones" in pipeline("stale")


def test_a_span_that_is_none_is_refused(pipeline: Command) -> None:
    assert "[PL905]" in pipeline.failing("stale", "--span", "yesterday")
