"""What people see of a lineage."""

from unit.cli.command import Command


def test_a_model_its_impact_and_a_difference_in_words(pipeline: Command) -> None:
    (pipeline.folder / "one.csv").write_text("1\n")
    given = ["-p", "source=one.csv", "-p", "span=15857", "-p", "base=/served/toy"]
    pipeline("run", "audited", *given, "-p", "version=101")
    pipeline("run", "audited", *given, "-p", "version=102", "-p", "steps=9")
    explained = pipeline("lineage", "explain", "version:101")
    for text in (
        "2013-06-01",
        "one.csv",
        "steps 5",
        "auc",
        "at least 0.6",
        "live by push",
        "replaced by 102",
    ):
        assert text in explained
    assert "to now" in pipeline("lineage", "explain", "version:102")
    impact = pipeline("lineage", "impact", "file:one.csv")
    assert [f"version {version} to toy, 2" in impact for version in (101, 102)] == [True, True]
    changed = pipeline("lineage", "diff", "version:101", "version:102")
    assert "train.steps  5 -> 9" in changed
    assert "differ in nothing" in pipeline("lineage", "diff", "version:101", "version:101")
    assert pipeline.json("lineage", "explain", "version:101")["pushes"][0]["version"] == "101"
