"""Who waits gives up when somebody urgent asks, or when the lock is gone."""

from pathlib import Path

import pytest

from pipeline_lib.errors import PushPreemptedError
from pipeline_lib.serving.base_path.places import open_base
from pipeline_lib.serving.fleet.control import Unconfirmed
from pipeline_lib.serving.push.opening import Watchdog, opened_target
from pipeline_lib.settings import ServingSettings


def test_a_push_makes_way_and_a_rollback_does_not(tmp_path: Path) -> None:
    base = open_base(str(tmp_path / "m"))
    with base.locked(1):
        base.ask_to_make_way(asked=True)
        Watchdog(base, makes_way=False)()
        with pytest.raises(PushPreemptedError, match="made way"):
            Watchdog(base, makes_way=True)()


def test_what_was_asked_of_another_is_forgotten(tmp_path: Path) -> None:
    base = open_base(str(tmp_path / "m"))
    (tmp_path / "m/.push").mkdir(parents=True)
    base.ask_to_make_way(asked=True)
    settings = ServingSettings(base_path=str(tmp_path))
    with opened_target(base, "m", settings, wait_seconds=1, urgent=False) as opened:
        assert isinstance(opened.control, Unconfirmed)
        opened.watch()
