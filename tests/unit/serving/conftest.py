"""Directories that look like SavedModels, without TensorFlow."""

from collections.abc import Callable
from pathlib import Path

import pytest

Made = Callable[[str], Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Makes a model of some text."""

    def make(text: str) -> Path:
        directory = tmp_path / "models" / text
        if not directory.exists():
            (directory / "variables").mkdir(parents=True)
            (directory / "saved_model.pb").write_bytes(b"\x08\x01" + text.encode())
            (directory / "variables" / "variables.index").write_bytes(b"index")
            (directory / "variables" / "variables.data-00000-of-00001").write_bytes(text.encode() * 100)
        return directory

    return make
