"""`pipeline audit`, as it is called."""

import pytest

from unit.cli.command import Command

PROFILE = "audit: {key: 'file:keys/audit.pem'}\n"


@pytest.fixture
def pushed(pipeline: Command) -> Command:
    """A pushed model, and a key in the profile."""
    (pipeline.folder / "one.csv").write_text("1\n")
    (pipeline.folder / "keys").mkdir()
    with (pipeline.folder / "configs/local.yaml").open("a") as file:
        file.write(PROFILE)
    given = ["-p", "source=one.csv", "-p", "span=15857", "-p", "base=/served/toy", "-p", "version=101"]
    pipeline("run", "audited", *given)
    return pipeline


def test_a_report_is_written_signed_and_verified(pushed: Command) -> None:
    told = pushed("audit", "key", "keys/audit.pem")
    assert "audit: {key: 'file:" in told
    (pushed.folder / "use.txt").write_text("for <b>demos</b>")
    written = pushed("audit", "version:101", "-o", "out", "--notes", "use.txt").split()
    assert written == ["out/audit-model-2.html", "out/audit-model-2.json"]
    assert "for &lt;b&gt;demos" in (pushed.folder / written[0]).read_text()
    for name in written:
        assert "is as it was signed" in pushed("audit", "verify", name)
        assert "is as it was signed" in pushed("audit", "verify", name, "--key", "keys/audit.pem.pub")
    before = [(pushed.folder / name).read_bytes() for name in written]
    again = pushed.json(
        "audit", "report", "--at", "2100-01-01", "--target", "toy", "-o", "out", "--notes", "use.txt"
    )
    assert again["files"] == written
    assert [(pushed.folder / name).read_bytes() for name in written] == before
    for name, content in zip(written, before, strict=True):
        (pushed.folder / name).write_bytes(content.replace(b"one.csv", b"two.csv", 1))
        pushed("audit", "verify", name, code=2)
        assert "[PL908] the report was changed" in pushed.error
    pushed("audit", "key", "other.pem")
    (pushed.folder / written[1]).write_bytes(before[1])
    pushed("audit", "verify", written[1], "--key", "other.pem.pub", code=2)
    assert "signed by another key" in pushed.error


def test_without_a_key_nothing_is_written(pushed: Command) -> None:
    pushed("audit", "101", "-o", "out", code=2)
    assert "[PL907]" in pushed.error
    assert not (pushed.folder / "out").exists()
    pushed("audit", "verify", "one.csv", code=2)
    assert "[PL907]" in pushed.error


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["report"], "PL905"),
        (["4711"], "PL901"),
        (["' OR 1=1"], "PL905"),
        (["--at", "1999-01-01"], "PL901"),
        (["1", "--notes", "nothing.txt"], "PL905"),
        (["key", "missing/key.pem"], "PL907"),
        (["verify", "nothing.json", "--key", "nothing.pub"], "PL907"),
    ],
)
def test_errors_are_told_in_the_house_form(pipeline: Command, arguments: list[str], error: str) -> None:
    pipeline("audit", *arguments, code=2)
    assert f"[{error}]" in pipeline.error
    assert "fix:" in pipeline.error
