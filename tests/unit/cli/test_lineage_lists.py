"""Timelines and searches in words."""

from unit.cli.command import Command


def test_a_timeline_and_searches_in_words(pipeline: Command) -> None:
    assert "nothing was ever pushed" in pipeline("lineage", "timeline")
    (pipeline.folder / "one.csv").write_text("1\n")
    given = ["-p", "source=one.csv", "-p", "span=15857", "-p", "base=/served/toy"]
    pipeline("run", "audited", *given, "-p", "version=101")
    pipeline("run", "audited", *given, "-p", "version=102", "-p", "steps=9")
    assert "/served/toy" in pipeline("lineage", "timeline")
    first = pipeline.json("lineage", "timeline", "toy", "--limit", "1")
    (latest,) = first["items"]
    assert (latest["version"], latest["live_until"]) == ("102", None)
    rest = pipeline("lineage", "timeline", "toy", "--cursor", first["next_cursor"])
    assert "101" in rest
    assert "--cursor" in pipeline("lineage", "timeline", "toy", "--limit", "1")
    assert "audited.train" in pipeline("lineage", "search", "Model", "pipeline:audited")
    assert "steps 9" in pipeline("lineage", "search", "executions", "steps=9")
    assert "nothing matches" in pipeline("lineage", "search", "Model", "x=' OR 1=1 --")
    pipeline("lineage", "search", "state:asleep", code=2)
    assert "[PL905]" in pipeline.error
