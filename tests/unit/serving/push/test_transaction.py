"""Pushes, rollbacks and promotions on a base path: whatever happens, one whole version is live."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from pipeline_lib.errors import (
    NoSuchVersionError,
    PushFailedError,
    PushPreemptedError,
)
from pipeline_lib.faults import PUSHING
from pipeline_lib.serving.base_path import ledger as ledgers
from pipeline_lib.serving.base_path.ledger import Block
from pipeline_lib.serving.push import transaction
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings

Made = Callable[[str], Path]


def target_at(base: Path | str, *, keep: int = 5, wait: float = 10.0) -> ServingTarget:
    settings = ServingSettings(base_path=str(base), keep_versions=keep)
    return ServingTarget(settings, "delays", user="ann", wait_seconds=wait)


@pytest.fixture
def target(tmp_path: Path) -> ServingTarget:
    return target_at(tmp_path / "serving")


@pytest.fixture
def remote() -> Iterator[str]:
    files = fsspec.filesystem("memory")
    yield "memory://transactions/models"
    if files.exists("/transactions"):
        files.rm("/transactions", recursive=True)


@pytest.fixture(params=["local", "remote"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path, remote: str) -> ServingTarget:
    return target_at(remote if request.param == "remote" else tmp_path / "serving")


def pushed(target: ServingTarget, model: Path) -> int:
    change = target.push(model, origin={"id": 1}, reason="a test")
    assert isinstance(change, Change)
    return change.version


def served(target: ServingTarget) -> str:
    """What a server that follows the newest version would serve."""
    newest = max(target.base.existing())
    text = target.base.read(newest, "saved_model.pb")
    assert text is not None
    return text[2:].decode()


def test_a_rollback_brings_back_what_was_live_before(anywhere: ServingTarget, made: Made) -> None:
    one, two = pushed(anywhere, made("one")), pushed(anywhere, made("two"))
    change = anywhere.move("rollback", None, reason="too many alarms")
    assert (change.version, change.previous_version, change.user) == (one, two, "ann")
    assert served(anywhere) == "one"
    assert anywhere.base.withdrawn() == [two]
    assert anywhere.ledger().live == one


def test_what_was_rolled_back_is_not_pushed_again_until_it_is_cleared(
    target: ServingTarget, made: Made
) -> None:
    pushed(target, made("one"))
    two = pushed(target, made("two"))
    target.move("rollback", None, reason="too many alarms")
    block = target.push(made("two"), origin={}, reason="the next night")
    assert isinstance(block, Block)
    assert (block.version, block.reason, block.user) == (two, "too many alarms", "ann")
    assert served(target) == "one"
    assert target.unblock(None) == [two]
    assert pushed(target, made("two")) > two
    assert served(target) == "two"


def test_a_promotion_brings_back_what_was_rolled_back(anywhere: ServingTarget, made: Made) -> None:
    one, two = pushed(anywhere, made("one")), pushed(anywhere, made("two"))
    anywhere.move("rollback", None, reason="")
    change = anywhere.move("promote", two, reason="it was the data")
    assert (change.version, change.previous_version) == (two, one)
    assert served(anywhere) == "two"
    assert not anywhere.ledger().blocked


def test_rollbacks_go_back_step_by_step(target: ServingTarget, made: Made) -> None:
    one, two, three = (pushed(target, made(text)) for text in ("one", "two", "three"))
    assert target.move("rollback", None, reason="").version == two
    assert target.move("rollback", None, reason="").version == one
    assert target.base.existing() == [one]
    assert target.base.withdrawn() == [two, three]
    with pytest.raises(NoSuchVersionError, match="no version of delays to go back to"):
        target.move("rollback", None, reason="")


def test_a_version_that_is_not_there_is_refused(target: ServingTarget, made: Made) -> None:
    one = pushed(target, made("one"))
    with pytest.raises(NoSuchVersionError, match="version 7 of delays is not there"):
        target.move("rollback", 7, reason="")
    with pytest.raises(NoSuchVersionError, match="is live already"):
        target.move("promote", one, reason="")
    with pytest.raises(NoSuchVersionError, match="is not blocked"):
        target.unblock(one)
    assert target.ledger().pending is None


def test_a_new_version_is_above_what_was_rolled_back(target: ServingTarget, made: Made) -> None:
    pushed(target, made("one"))
    two = pushed(target, made("two"))
    target.move("rollback", None, reason="")
    assert pushed(target, made("three")) > two
    assert served(target) == "three"


def test_a_clock_that_goes_back_changes_no_order(
    target: ServingTarget, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = pushed(target, made("one"))
    went_live = target.ledger().entries[one].live_at

    class Earlier(ledgers.datetime):
        @classmethod
        def now(cls, _: object = None) -> ledgers.datetime:  # type: ignore[override]
            return ledgers.datetime(2001, 1, 1, tzinfo=ledgers.UTC)

    monkeypatch.setattr(ledgers, "datetime", Earlier)
    monkeypatch.setattr(ledgers.time, "time", lambda: 1_000.0)
    two = pushed(target, made("two"))
    assert two == one + 1
    assert target.ledger().entries[two].live_at > went_live


def test_a_push_of_what_is_live_says_the_same_again(target: ServingTarget, made: Made) -> None:
    pushed(target, made("one"))
    first = target.push(made("two"), origin={}, reason="")
    again = target.push(made("two"), origin={}, reason="")
    assert isinstance(first, Change)
    assert isinstance(again, Change)
    assert not again.changed
    same = ("version", "previous_version", "live_at")
    assert [getattr(first, name) for name in same] == [getattr(again, name) for name in same]


def test_a_damaged_ledger_says_what_to_do(target: ServingTarget, made: Made) -> None:
    one = pushed(target, made("one"))
    file = Path(target.base.uri) / ".push/ledger.json"
    file.write_text(file.read_text()[:-20])
    with pytest.raises(PushFailedError, match="ledger of pushed versions is damaged"):
        pushed(target, made("two"))
    assert served(target) == "one"
    file.unlink()
    two = pushed(target, made("two"))
    assert two > one
    assert target.move("rollback", None, reason="").version == one


# --- killed at every step -------------------------------------------------------------------------------

PROGRAM = """
import sys
from pathlib import Path
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings
target = ServingTarget(ServingSettings(base_path=sys.argv[1], keep_versions=2), "delays", user="bob")
if sys.argv[2] == "push":
    target.push(Path(sys.argv[3]), origin={}, reason="killed")
else:
    target.move("promote", int(sys.argv[3]), reason="killed")
"""


def killed(fault: str, base: Path, action: str, what: object) -> int:
    environ = {**os.environ, "PIPELINE_FAULT": fault, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM, str(base), action, str(what)]
    return subprocess.run(command, env=environ, check=False, capture_output=True).returncode


@pytest.mark.parametrize(
    ("point", "action"),
    [
        *((point, "kill") for point in PUSHING if point.startswith("push-")),
        ("push-begun", "raise"),  # the disk fails
        ("push-copied", "raise"),
        ("push-renamed", "raise"),
        ("push-checked", "raise"),
    ],
)
def test_a_push_that_dies_anywhere_loses_nothing(tmp_path: Path, made: Made, point: str, action: str) -> None:
    base = tmp_path / "serving"
    target = target_at(base, keep=2)
    numbers = [pushed(target, made(text)) for text in ("zero", "one")]
    ended = killed(f"{action}@{point}", base, "push", made("two"))
    assert ended == (-signal.SIGKILL if action == "kill" else 1)
    assert served(target) in {"one", "two"}  # a server that follows sees a whole version all the time
    committed = point in {"push-committed", "push-pruned"}
    target.heal()
    assert served(target) == ("two" if committed else "one")
    assert target.ledger().live == max(target.base.existing())
    assert target.ledger().pending is None
    assert not target.is_interrupted()
    two = pushed(target, made("two"))
    assert two > numbers[-1]
    assert served(target) == "two"
    assert set(target.base.existing()) == {numbers[-1], two}
    assert [path.name for path in Path(target.base.uri).iterdir() if not path.name.isdecimal()] == [".push"]
    assert target.move("rollback", None, reason="").version == numbers[-1]


@pytest.mark.parametrize(
    "point",
    ["move-begun", "move-restored", "push-labelled", "move-withdrawn", "move-confirmed", "move-committed"],
)
def test_a_rollback_or_promotion_that_dies_anywhere_changes_all_or_nothing(
    tmp_path: Path, made: Made, point: str
) -> None:
    base = tmp_path / "serving"
    target = target_at(base)
    one, two = pushed(target, made("one")), pushed(target, made("two"))
    if point == "move-restored":  # only what was withdrawn is restored
        target.move("rollback", None, reason="")
        one, two = two, one
    assert killed(f"kill@{point}", base, "promote", one) == -signal.SIGKILL
    target.heal()
    live = one if point == "move-committed" else two
    assert target.ledger().live == live == max(target.base.existing())
    assert [note["version"] for note in target.ledger().unrecorded][-1:] == (
        [one] if point == "move-committed" else [note for note in [two] if point == "move-restored"]
    )


def test_a_dead_pusher_keeps_nobody_out(tmp_path: Path, made: Made) -> None:
    base = tmp_path / "serving"
    killed("kill@push-locked", base, "push", made("one"))
    began = time.monotonic()
    pushed(target_at(base), made("two"))
    assert time.monotonic() - began < 60


def test_two_processes_push_at_once(tmp_path: Path, made: Made) -> None:
    base = tmp_path / "serving"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pushers = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(base), "push", str(made(text))], env=environ)
        for text in ("one", "two")
    ]
    assert [pusher.wait(60) for pusher in pushers] == [0, 0]
    target = target_at(base)
    assert len(set(target.base.existing())) == 2
    assert target.ledger().live == max(target.base.existing())
    assert target.ledger().pending is None


# --- making way -----------------------------------------------------------------------------------------


def test_a_push_that_waits_makes_way_for_a_rollback(
    target: ServingTarget, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = pushed(target, made("one")), pushed(target, made("two"))
    waits = threading.Event()
    real = transaction.opened_target

    class Patient:
        """Servers that never have the new version."""

        def __getattr__(self, name: str) -> Callable[..., list[str]]:
            return lambda *_: []

        def switch(
            self, before: object, after: object, requests: object, watch: Callable[[], None], _: int
        ) -> None:
            waits.set()
            deadline = time.monotonic() + 200
            while time.monotonic() < deadline:
                watch()
                time.sleep(0.02)

    def opened(*given: object, urgent: bool, **named: object) -> object:
        manager = real(*given, urgent=urgent, **named)  # type: ignore[arg-type]
        if urgent:
            return manager
        entered = manager.__enter__()
        object.__setattr__(entered, "control", Patient())

        class Opened:
            def __enter__(self) -> object:
                return entered

            def __exit__(self, *exception: object) -> object:
                return manager.__exit__(*exception)  # type: ignore[arg-type]

        return Opened()

    monkeypatch.setattr(transaction, "opened_target", opened)
    errors: list[Exception] = []

    def push() -> None:
        try:
            pushed(target, made("three"))
        except PushPreemptedError as error:
            errors.append(error)

    pusher = threading.Thread(target=push)
    pusher.start()
    assert waits.wait(60)
    began = time.monotonic()
    assert target.move("rollback", None, reason="urgent").version == one
    assert time.monotonic() - began < 100
    pusher.join()
    assert len(errors) == 1
    assert served(target) == "one"
    assert not target.base.asked_to_make_way()
