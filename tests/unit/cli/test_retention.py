"""`pipeline gc`, `pin` and `unpin`, as they are called."""

import pytest

from unit.cli.command import Command


def test_a_dry_run_a_pin_and_a_deletion(pipeline: Command) -> None:
    pipeline.run("chain")
    made = pipeline.json("artifacts", "Number")
    pinned = min(one["id"] for one in made)
    dry = pipeline("gc", "--keep-last", "0")
    assert "nothing was deleted" in dry
    assert f"Number {pinned}" in dry
    assert pipeline("pin", str(pinned)) == f"artifact {pinned} is pinned\n"
    assert pipeline.json("gc", "--older-than", "1h")["candidates"] == []
    found = pipeline.json("gc", "--keep-last", "0", "--delete")
    assert len(found["deleted"]) == len(made) - 1
    assert found["dry_run"] is False
    assert "nothing may go" in pipeline("gc", "--keep-last", "0")
    pipeline("unpin", str(pinned))
    assert pipeline.json("gc", "--keep-last", "0")["candidates"][0]["id"] == pinned
    assert pipeline.json("lineage", "search", "Number", "state:deleted")["items"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["gc"], "PL906"),
        (["gc", "--older-than", "30"], "PL906"),
        (["gc", "--older-than", "٣d"], "PL906"),
        (["pin", "4711"], "PL604"),
    ],
)
def test_errors_are_told_in_the_house_form(pipeline: Command, arguments: list[str], error: str) -> None:
    pipeline(*arguments, code=2)
    assert f"[{error}" in pipeline.error
    assert "fix:" in pipeline.error
