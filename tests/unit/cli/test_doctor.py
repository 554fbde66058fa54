"""`pipeline doctor`."""

from pathlib import Path

from unit.cli.command import Command


def test_all_well(pipeline: Command) -> None:
    pipeline.run()
    assert pipeline("doctor").strip() == "nothing to mend"
    assert pipeline.json("doctor") == []


def test_a_lost_file_is_found_and_mended(pipeline: Command) -> None:
    (read, *_) = pipeline.run()["nodes"]
    Path(read["outputs"]["number"][0]["uri"], "number.txt").unlink()
    assert "missing" in pipeline("doctor", code=1)
    assert "marked ABANDONED" in pipeline("doctor", "--mend")
    assert pipeline("doctor").strip() == "nothing to mend"


def test_a_changed_file_of_the_same_size_is_found_by_hashing(pipeline: Command) -> None:
    (read, *_) = pipeline.run()["nodes"]
    Path(read["outputs"]["number"][0]["uri"], "number.txt").write_text("8")
    assert pipeline.json("doctor") == []
    (finding,) = pipeline.json("doctor", "--full", code=1)
    assert (finding["kind"], finding["mended"]) == ("corrupt", "")
