"""A store that cannot be opened is told in the house's form."""

from unit.cli.command import Command


def test_a_wrong_url_is_told(pipeline: Command) -> None:
    (pipeline.folder / "configs/local.yaml").write_text("metadata: {url: 'oracle://x/y'}\n")
    pipeline("lineage", "timeline", code=2)
    assert "[PL3" in pipeline.error
    assert "fix:" in pipeline.error
