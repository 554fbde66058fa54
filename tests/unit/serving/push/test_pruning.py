"""Old versions go by policy; never one that is live, labelled, or that a server has or may have."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pipeline_lib.errors import ServerUnreachableError
from pipeline_lib.serving.base_path.ledger import Place
from pipeline_lib.serving.fleet.control import Unconfirmed
from pipeline_lib.serving.fleet.replicas import Fleet
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.opening import Opened, Watchdog
from pipeline_lib.serving.push.pruning import prune
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.serving.versions import VersionState, VersionStatus
from pipeline_lib.settings import ServingSettings

Made = Callable[[str], Path]


class Server:
    """Has the versions of a mapping, or says nothing."""

    name = "server:1"

    def __init__(self, states: Mapping[int, VersionState] | None) -> None:
        self._states = states

    def status(self, model: str) -> list[VersionStatus]:
        if self._states is None:
            raise ServerUnreachableError(f"{model}: no answer", at=self.name, fix="start it")
        return [VersionStatus(version=one, state=state) for one, state in self._states.items()]


def target_at(base: Path, keep: int) -> ServingTarget:
    return ServingTarget(ServingSettings(base_path=str(base), keep_versions=keep), "delays")


def pushed(target: ServingTarget, model: Path) -> int:
    change = target.push(model, origin={})
    assert isinstance(change, Change)
    return change.version


def test_a_label_keeps_a_version(tmp_path: Path, made: Made) -> None:
    target = target_at(tmp_path, keep=2)
    first = pushed(target, made("0"))
    target.set_label("canary", first)
    numbers = [pushed(target, made(str(number))) for number in range(1, 5)]
    assert target.base.existing() == [first, *numbers[-2:]]
    assert target.ledger().at(Place.REMOVED) == numbers[:-2]


@pytest.mark.parametrize(
    ("servers", "left"),
    [
        pytest.param([], 2, id="no-server"),
        pytest.param([{}], 2, id="none-has-them"),
        pytest.param([{0: VersionState.AVAILABLE}], 3, id="one-is-served"),
        pytest.param([{}, {1: VersionState.LOADING}], 3, id="one-is-loading"),
        pytest.param([{0: VersionState.END, 1: VersionState.END}], 2, id="they-have-ended"),
        pytest.param([{}, None], 4, id="a-server-is-silent"),
    ],
)
def test_what_a_server_has_stays(
    tmp_path: Path, made: Made, servers: list[dict[int, VersionState] | None], left: int
) -> None:
    target = target_at(tmp_path, keep=10)
    numbers = [pushed(target, made(str(number))) for number in range(4)]
    replicas = tuple(
        Server(None if states is None else {numbers[one]: state for one, state in states.items()})
        for states in servers
    )
    settings = ServingSettings(base_path=str(tmp_path))
    fleet = Fleet(replicas=replicas, settings=settings)  # type: ignore[arg-type]
    watch = Watchdog(target.base, makes_way=False)
    opened = Opened(name="delays", base=target.base, fleet=fleet, control=Unconfirmed(), watch=watch)
    prune(opened, target.ledger(), keep=2)
    assert len(target.base.existing()) == left
    assert {*numbers[-2:]} <= {*target.base.existing()}
    assert [one for one in numbers if target.ledger().is_kept(one)] == target.base.existing()
