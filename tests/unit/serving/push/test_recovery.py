"""What did not end is taken back; what cannot be taken back is told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_lib.errors import DeploymentBrokenError, PushFailedError, PushUndoneError
from pipeline_lib.serving.base_path.ledger import Place
from pipeline_lib.serving.fleet.control import Unconfirmed
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.recovery import known_ledger
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings

Made = Callable[[str], Path]


@pytest.fixture
def target(tmp_path: Path, made: Made) -> ServingTarget:
    made_target = ServingTarget(ServingSettings(base_path=str(tmp_path / "serving")), "delays")
    assert isinstance(made_target.push(made("one"), origin={}), Change)
    return made_target


def test_a_failure_says_what_is_live(
    target: ServingTarget, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PushUndoneError("no server takes it", fix="start one")

    monkeypatch.setattr(Unconfirmed, "switch", refuse)
    live = target.ledger().live
    with pytest.raises(PushUndoneError, match="no server takes it") as failed:
        target.push(made("two"), origin={})
    assert str(failed.value.facts["undone"]).endswith(f"was taken back, version {live} is live")
    assert (target.ledger().live, target.base.existing()) == (live, [live])


def test_what_cannot_be_taken_back_is_told_and_healed_later(
    target: ServingTarget, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PushFailedError("the disk is gone", at=target.base.uri, fix="mount it")

    live = target.ledger().live
    with monkeypatch.context() as broken:
        broken.setattr(Unconfirmed, "switch", refuse)
        broken.setattr(type(target.base), "remove", refuse)
        with pytest.raises(
            DeploymentBrokenError, match="could not be taken back: the disk is gone"
        ) as failed:
            target.push(made("two"), origin={})
        assert failed.value.facts["live"] == str(live)
        assert target.is_interrupted()
    assert "that did not end was taken back" in target.heal()
    assert (target.ledger().live, target.base.existing()) == (live, [live])
    assert not target.is_interrupted()


def test_a_directory_that_was_being_removed_is_removed(target: ServingTarget, made: Made) -> None:
    assert isinstance(target.push(made("two"), origin={}), Change)
    old, new = target.base.existing()
    with target.base.locked(1):
        target.base.write_ledger(target.ledger().placing([old], Place.REMOVED))
    assert "a removal of version" in target.heal()
    assert target.base.existing() == [new]


def test_without_a_ledger_the_newest_whole_version_counts_as_live(target: ServingTarget) -> None:
    (one,) = target.base.existing()
    root = Path(target.base.uri)
    (root / str(one + 5)).mkdir()  # being copied by somebody else
    shutil.rmtree(root / ".push")
    assert known_ledger(target.base).live == one
