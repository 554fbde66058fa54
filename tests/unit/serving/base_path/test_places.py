"""A URL is a directory of this machine, or somewhere that fsspec reads."""

from pathlib import Path

from pipeline_lib.serving.base_path.places import models_below, open_base
from pipeline_lib.serving.base_path.remote import RemoteBase


def test_a_url_is_remote(tmp_path: Path) -> None:
    assert isinstance(open_base("memory://somewhere"), RemoteBase)
    assert open_base(f"file://{tmp_path}").uri == str(tmp_path)


def test_models_are_directories_that_are_not_hidden(tmp_path: Path) -> None:
    for name in ("b", "a", ".push"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    assert models_below(str(tmp_path)) == ["a", "b"]
    assert models_below(str(tmp_path / "none")) == []
    assert models_below("memory://none-such") == []
