"""Secrets by reference."""

from pathlib import Path

import pytest

from pipeline_lib.errors import SecretError
from pipeline_lib.secrets import reveal_secret


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "s3cr3t")
    assert reveal_secret("env:A_SECRET") == "s3cr3t"


def test_a_secret_comes_from_a_file_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cr3t\n")
    assert reveal_secret(f"file:{tmp_path}/secret") == "s3cr3t"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        pytest.param("env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set", id="unset"),
        pytest.param("file:/no/such/file", "No such file", id="no-file"),
        pytest.param("hunter2", "by reference, not in clear", id="in-clear"),
        pytest.param("env:", "by reference, not in clear", id="empty"),
    ],
)
def test_a_wrong_reference_is_refused(reference: str, message: str) -> None:
    with pytest.raises(SecretError, match=message):
        reveal_secret(reference)


def test_the_message_never_holds_the_value() -> None:
    with pytest.raises(SecretError) as caught:
        reveal_secret("hunter2")
    assert "hunter2" not in str(caught.value)
