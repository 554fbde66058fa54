"""What servers are told: a new version is questioned under another name before anybody can reach it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.serving.control import Following, Reloading, Unconfirmed, control_of, models_below
from pipeline_lib.serving.ledger import Entry, Ledger
from pipeline_lib.serving.replicas import Fleet
from pipeline_lib.serving.versions import ModelConfig, Specific, VersionState, VersionStatus
from pipeline_lib.settings import ServingSettings


class Server:
    """Serves what it is told at once, and keeps what it was told."""

    name = "server:1"

    def __init__(self) -> None:
        self.told: list[Sequence[ModelConfig]] = []

    def status(self, model: str) -> list[VersionStatus]:
        found = [one for one in (self.told[-1] if self.told else ()) if one.name == model]
        versions = [
            version for one in found if isinstance(one.policy, Specific) for version in one.policy.versions
        ]
        return [VersionStatus(version=version, state=VersionState.AVAILABLE) for version in versions]

    def answer(self, *_: Any) -> Any:
        return {}

    def reload(self, configs: Sequence[ModelConfig], timeout_seconds: float) -> None:
        assert timeout_seconds > 0
        self.told.append(configs)

    def close(self) -> None:
        """Nothing."""


def live(version: int) -> Ledger:
    entries = {one: Entry(digest=str(one), pushed_at="") for one in (1, 2)}
    return Ledger(entries=entries).living(version)


def test_the_order_of_what_servers_are_told(tmp_path: Path) -> None:
    settings, server = ServingSettings(base_path=str(tmp_path), server_base_path="/models"), Server()
    fleet = Fleet(replicas=(server,), settings=settings)
    Reloading("m", fleet, settings).switch(live(1), live(2), [], lambda: None, 2)
    told = [{one.name: (one.policy, dict(one.labels)) for one in configs} for configs in server.told]
    assert told == [
        {"m": (Specific((1,)), {"stable": 1}), "m.candidate": (Specific((2,)), {})},
        {"m": (Specific((1, 2)), {"stable": 1})},
        {"m": (Specific((1, 2)), {"stable": 2})},
        {"m": (Specific((2,)), {"stable": 2})},
    ]
    assert {one.base_path for configs in server.told for one in configs} == {"/models/m"}


@pytest.mark.parametrize(("control", "kind"), [("reload", Reloading), ("follow", Following)])
def test_the_profile_chooses(tmp_path: Path, control: str, kind: type) -> None:
    settings = ServingSettings.model_validate({"base_path": str(tmp_path), "control": control})
    assert isinstance(control_of("m", Fleet(replicas=(Server(),), settings=settings), settings), kind)
    assert isinstance(control_of("m", Fleet(replicas=(), settings=settings), settings), Unconfirmed)


def test_models_are_directories_that_are_not_hidden(tmp_path: Path) -> None:
    for name in ("b", "a", ".push"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    assert models_below(str(tmp_path)) == ["a", "b"]
    assert models_below(str(tmp_path / "none")) == []
    assert models_below("memory://none-such") == []
