"""A base path on a file system: versions appear and go whole, and a lock dies with its holder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_lib.errors import PushBusyError
from pipeline_lib.serving.base_path.content import content_of
from pipeline_lib.serving.base_path.local import LocalBase

Made = Callable[[str], Path]


@pytest.fixture
def base(tmp_path: Path) -> LocalBase:
    (tmp_path / "base").mkdir()
    return LocalBase(tmp_path / "base")


def test_a_version_is_withdrawn_restored_and_removed(base: LocalBase, made: Made) -> None:
    content = content_of(made("one"))
    base.write_version(5, made("one"), content)
    assert (base.existing(), base.withdrawn(), base.matches(5, content)) == ([5], [], True)
    base.withdraw(5)
    assert (base.existing(), base.withdrawn()) == ([], [5])
    assert base.read(5, "variables/variables.index") == b"index"
    base.restore(5)
    assert base.matches(5, content)
    base.remove(5)
    base.remove(5)
    assert (base.existing(), base.withdrawn(), base.read(5, "saved_model.pb")) == ([], [], None)


def test_a_lock_keeps_others_out(base: LocalBase) -> None:
    other = LocalBase(Path(base.uri))
    with base.locked(1), pytest.raises(PushBusyError, match="another push"), other.locked(0):
        pass
    with other.locked(0):
        other.require_lock()


def test_a_note_asks_to_make_way(base: LocalBase) -> None:
    with base.locked(1):
        assert not base.asked_to_make_way()
        base.ask_to_make_way(asked=True)
        assert base.asked_to_make_way()
        base.ask_to_make_way(asked=False)
        base.ask_to_make_way(asked=False)
        assert not base.asked_to_make_way()
