"""What servers are told: a new version is questioned under another name before anybody can reach it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.errors import ModelNotServedError, ServerUnreachableError, ServingRefusedError
from pipeline_lib.serving.base_path.ledger import Entry, Ledger
from pipeline_lib.serving.base_path.places import open_base
from pipeline_lib.serving.fleet.control import Following, Reloading, Unconfirmed, control_of
from pipeline_lib.serving.fleet.replicas import Fleet
from pipeline_lib.serving.versions import ModelConfig, Specific, VersionState, VersionStatus
from pipeline_lib.settings import ServingSettings


class Server:
    """Serves what it is told at once; as TensorFlow Serving, it refuses labels of what it has not loaded."""

    name = "server:1"

    def __init__(self, **there: set[int]) -> None:
        self.there = there
        self.told: list[dict[str, tuple[object, dict[str, int]]]] = []
        self.base_paths: set[str] = set()

    def status(self, model: str) -> list[VersionStatus]:
        if model not in self.there:
            raise ModelNotServedError(f"no {model}", fix="push it")
        return [VersionStatus(version=version, state=VersionState.AVAILABLE) for version in self.there[model]]

    def answer(self, *_: Any) -> Any:
        return {}

    def reload(self, configs: Sequence[ModelConfig], timeout_seconds: float) -> None:
        assert timeout_seconds > 0
        for one in configs:
            if not {*one.labels.values()} <= self.there.get(one.name, set()):
                raise ServingRefusedError(f"labels of {one.name}: {one.labels}", fix="load them first")
        self.told.append({one.name: (one.policy, dict(one.labels)) for one in configs})
        self.base_paths |= {one.base_path for one in configs}
        self.there = {one.name: {*one.policy.choose(range(10))} for one in configs}

    def close(self) -> None:
        """Nothing."""


def live(version: int, **labels: int) -> Ledger:
    entries = {one: Entry(digest=str(one), pushed_at="") for one in (1, 2, 3)}
    ledger = Ledger(entries=entries).living(version)
    return replace(ledger, labels={**ledger.labels, **labels})


def reloading(root: Path, *servers: Server, **settings: str) -> Reloading:
    made = ServingSettings(base_path=str(root), **settings)  # type: ignore[arg-type]
    return Reloading("m", Fleet(replicas=servers, settings=made), made)


def test_the_order_of_what_servers_are_told(tmp_path: Path) -> None:
    server = Server(m={1})
    control = reloading(tmp_path, server, server_base_path="/models")
    control.switch(live(1), live(2), [], lambda: None, 2)
    control.settle(live(1), live(2), lambda: None)
    assert server.told == [
        {"m": (Specific((1,)), {"stable": 1}), "m.candidate": (Specific((2,)), {})},
        {"m": (Specific((1, 2)), {"stable": 1})},
        {"m": (Specific((1, 2)), {"stable": 2})},
        {"m": (Specific((2,)), {"stable": 2})},
    ]
    assert server.base_paths == {"/models/m"}


def test_a_server_that_started_anew_loads_before_labels_name_it(tmp_path: Path) -> None:
    """It follows the base path, and has the newest version there: the canary."""
    anew, as_it_was = Server(m={2}), Server(m={1, 2})
    assert reloading(tmp_path, anew, as_it_was).restore(live(1, canary=2)) == []
    final = {"m": (Specific((1, 2)), {"stable": 1, "canary": 2})}
    assert anew.told == [{"m": (Specific((1, 2)), {"canary": 2})}, final]
    assert as_it_was.told == [final]


def test_a_rollback_that_is_taken_back_leaves_no_label_without_a_version(tmp_path: Path) -> None:
    """It died after version 2 was dropped: `stable` stays on 1 until 2 is there again."""
    server = Server(m={1})
    assert reloading(tmp_path, server).restore(live(2), moving_to=1) == []
    assert server.told == [
        {"m": (Specific((1, 2)), {"stable": 1})},
        {"m": (Specific((2,)), {"stable": 2})},
    ]


def test_another_model_of_the_server_is_no_hindrance(tmp_path: Path) -> None:
    """The server started anew: of the other model it has the canary only."""
    other = open_base(str(tmp_path / "other"))
    with other.locked(1):
        other.write_ledger(live(1, canary=2))
    server = Server(m={1}, other={2})
    control = reloading(tmp_path, server)
    control.prepare(live(1), lambda: None)
    both = Specific((1, 2))
    assert server.told == [{"m": (Specific((1,)), {"stable": 1}), "other": (both, {"canary": 2})}]
    control.prepare(live(1), lambda: None)
    assert server.told[1]["other"] == (both, {"stable": 1, "canary": 2})


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    silent = Server()
    silent.status = silent.reload = _nobody  # type: ignore[method-assign,assignment]
    control = reloading(tmp_path, silent, Server(m={1}))
    assert control.restore(live(1)) == ["server:1"]
    with pytest.raises(ServerUnreachableError, match="nobody"):
        control.prepare(live(1), lambda: None)


def _nobody(*_: Any) -> Any:
    raise ServerUnreachableError("nobody is there", fix="start it")


@pytest.mark.parametrize(("control", "kind"), [("reload", Reloading), ("follow", Following)])
def test_the_profile_chooses(tmp_path: Path, control: str, kind: type) -> None:
    settings = ServingSettings.model_validate({"base_path": str(tmp_path), "control": control})
    assert isinstance(control_of("m", Fleet(replicas=(Server(),), settings=settings), settings), kind)
    assert isinstance(control_of("m", Fleet(replicas=(), settings=settings), settings), Unconfirmed)
