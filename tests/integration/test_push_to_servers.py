"""Pushes and rollbacks against two real model servers: what fails is undone, and no user notices."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from integration import pushers
from pipeline_lib.errors import (
    GoldenAnswersError,
    PipelineError,
    PushUndoneError,
    ServerUnreachableError,
)
from pipeline_lib.faults import PUSHING
from pipeline_lib.serving.fleet import golden
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.serving.versions import Latest, ModelConfig, Specific
from pipeline_lib.settings import ReplicaSettings, ServingSettings
from waiting import wait_until

pytestmark = pytest.mark.xdist_group("push-to-servers")

REQUESTS = 10_000


def export(directory: Path, factor: float, *, answers: float | None = None) -> Path:
    """A model that multiplies, with golden requests; `answers` makes them those of another."""
    import tensorflow as tf

    class Scale(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = tf.Variable(factor, dtype=tf.float32)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def scale(self, x: Any) -> Any:
            return {"y": self.factor * x}

    model = Scale()
    tf.saved_model.save(model, str(directory), {"serving_default": model.scale})
    expected = factor if answers is None else answers
    request = golden.GoldenRequest(
        signature="serving_default",
        inputs={"x": golden.Column(dtype="float32", values=[1.0, 2.0])},
        outputs={"y": golden.Column(dtype="float32", values=[expected, 2 * expected])},
    )
    (directory / golden.FILE).parent.mkdir(parents=True, exist_ok=True)
    (directory / golden.FILE).write_text(golden.to_text([request]))
    return directory


@dataclass
class Site:
    """A base path, models to push, and two servers of it."""

    root: Path
    rest: list[str] = field(default_factory=list)
    grpc: list[str] = field(default_factory=list)

    @property
    def base(self) -> Path:
        return self.root / "serving"

    def model(self, factor: float, *, answers: float | None = None) -> Path:
        directory = self.root / "models" / f"{factor}-{answers}"
        return directory if directory.exists() else export(directory, factor, answers=answers)

    def target(self, name: str, control: str = "reload", **more: Any) -> ServingTarget:
        replicas = [
            ReplicaSettings(grpc=rpc, rest=rest) for rpc, rest in zip(self.grpc, self.rest, strict=True)
        ]
        settings = ServingSettings.model_validate(
            {
                "base_path": str(self.base),
                "control": control,
                "replicas": replicas,
                "load_timeout_seconds": 30,
                **more,
            }
        )
        return ServingTarget(settings, name, user="ann", wait_seconds=30)

    def tell(self, *configs: ModelConfig, replicas: tuple[int, ...] = (0, 1)) -> None:
        from pipeline_lib.serving.clients.rpc import GrpcClient

        for index in replicas:
            with GrpcClient(self.grpc[index]) as client:
                client.reload(configs)

    def answers(self, name: str, label: str | None = None) -> list[float]:
        from pipeline_lib.serving.clients.rpc import GrpcClient

        found = []
        for address in self.grpc:
            with GrpcClient(address) as client:
                found.append(float(client.predict(name, {"x": [1.0]}, label=label)["y"][0]))
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("push"))
    servers = [started(made, wait=False) for _ in range(2)]
    made.rest += [one.rest for one in servers]
    made.grpc += [one.grpc for one in servers]
    try:
        for address in made.grpc:
            wait_until(lambda address=address: is_listening(address))
        yield made
    finally:
        for one in servers:
            one.process.send_signal(signal.SIGTERM)
        for one in servers:
            one.process.wait(60)


@dataclass(frozen=True)
class Started:
    """A server process."""

    rest: str
    grpc: str
    process: "subprocess.Popen[bytes]"


def started(site: Site, *, model: str = "scale", like: Started | None = None, wait: bool = True) -> Started:
    """One more server of the base path, on the ports of another that is gone, or on free ones."""
    rest = like.rest if like else f"http://127.0.0.1:{free_port()}"
    grpc = like.grpc if like else f"127.0.0.1:{free_port()}"
    options = ["--base-path", str(site.base), "--model", model, "--poll-seconds", "0.1"]
    ports = ["--rest-port", rest.rpartition(":")[2], "--grpc-port", grpc.rpartition(":")[2]]
    command = [sys.executable, "-m", "pipeline_lib", "serve", *options, *ports]
    made = Started(rest, grpc, subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=site.root))
    if wait:
        wait_until(lambda: is_listening(grpc))
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def pushed(target: ServingTarget, model: Path) -> int:
    change = target.push(model, origin={}, reason="a test")
    assert isinstance(change, Change)
    return change.version


@dataclass
class Traffic:
    """What users asked for got."""

    answers: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@contextmanager
def users(site: Site, name: str, count: int = 2) -> Iterator[Traffic]:
    """Ask both servers all the time, with the label and without."""
    from pipeline_lib.serving.clients.rpc import GrpcClient

    traffic, ended = Traffic(), threading.Event()

    def ask(number: int) -> None:
        with GrpcClient(site.grpc[number % 2], tries=1) as client:
            while not ended.is_set():
                try:
                    label = "stable" if number % 4 < 2 else None
                    given = client.predict(name, {"x": [1.0]}, label=label)
                    traffic.answers.append(float(given["y"][0]))
                except PipelineError as error:
                    traffic.failures.append(str(error))

    with ThreadPoolExecutor(count) as pool:
        asking = [pool.submit(ask, number) for number in range(count)]
        try:
            yield traffic
        finally:
            ended.set()
    for one in asking:
        one.result()


def test_a_push_is_confirmed_by_every_server_and_labelled(site: Site) -> None:
    target = site.target("confirmed")
    change = target.push(site.model(2.0), origin={}, reason="first")
    assert isinstance(change, Change)
    assert (change.golden_requests, change.previous_version) == (1, None)
    assert site.answers("confirmed", "stable") == site.answers("confirmed") == [2.0, 2.0]
    second = pushed(target, site.model(3.0))
    assert site.answers("confirmed", "stable") == site.answers("confirmed") == [3.0, 3.0]
    assert {
        address: [one.version for one in told if one.state.name == "AVAILABLE"]
        for address, told in target.states().items()
        if not isinstance(told, PipelineError)
    } == {address: [second] for address in site.rest}  # TensorFlow is not needed to ask


def broken(site: Site, kind: str) -> Path:
    directory = site.root / "models" / f"broken-{kind}"
    shutil.copytree(site.model(5.0), directory)
    pb, shard = directory / "saved_model.pb", directory / "variables/variables.data-00000-of-00001"
    match kind:
        case "truncated":
            pb.write_bytes(pb.read_bytes()[: pb.stat().st_size // 2])
        case "flipped":
            data = bytearray(shard.read_bytes())
            data[1] ^= 0x40
            shard.write_bytes(data)
        case "other-answers":
            return site.model(5.0, answers=5.1)
        case "nan":
            return site.model(float("nan"), answers=5.0)
        case "other-names":
            text = (directory / golden.FILE).read_text().replace('"x"', '"z"')
            (directory / golden.FILE).write_text(text)
        case "other-types":
            text = (directory / golden.FILE).read_text().replace('"float32"', '"int64"')
            (directory / golden.FILE).write_text(text)
        case "no-signature":
            text = (directory / golden.FILE).read_text().replace("serving_default", "other")
            (directory / golden.FILE).write_text(text)
    return directory


KINDS = ["truncated", "flipped", "other-answers", "nan", "other-names", "other-types", "no-signature"]


@pytest.fixture(scope="module")
def steady(site: Site) -> ServingTarget:
    target = site.target("steady")
    pushed(target, site.model(2.0))
    pushed(target, site.model(3.0))
    return target


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_version_never_answers_anybody(site: Site, steady: ServingTarget, kind: str) -> None:
    before = steady.ledger()
    model = broken(site, kind)
    with users(site, "steady", 4) as traffic, pytest.raises(PipelineError) as failed:
        steady.push(model, origin={}, reason="broken")
    expected = GoldenAnswersError if kind in {"other-answers", "nan"} else PipelineError
    assert isinstance(failed.value, expected)
    assert "was taken back" in failed.value.facts["undone"]
    assert traffic.failures == []
    assert set(traffic.answers) == {3.0}
    assert steady.ledger().labels == before.labels
    assert steady.base.existing() == before.at(before.entries[before.live].place)  # type: ignore[index]
    assert steady.ledger().pending is None


def test_a_server_that_is_down_undoes_the_push_but_not_a_rollback(site: Site, steady: ServingTarget) -> None:
    addresses = [{"grpc": address} for address in (*site.grpc, "127.0.0.1:1")]
    down = site.target("steady", replicas=addresses, load_timeout_seconds=1, request_timeout_seconds=2)
    with pytest.raises(ServerUnreachableError, match="does not answer"):
        down.push(site.model(6.0), origin={}, reason="")
    assert site.answers("steady", "stable") == [3.0, 3.0]
    change = down.move("rollback", None, reason="urgent")
    assert change.silent == ("127.0.0.1:1",)
    assert site.answers("steady", "stable") == site.answers("steady") == [2.0, 2.0]
    steady.heal()
    assert steady.move("promote", change.previous_version, reason="").version == change.previous_version
    assert site.answers("steady") == [3.0, 3.0]


PUSHES = [one for one in PUSHING if one.startswith("push-")]
LIVE_ANYWAY = {"push-committed", "push-pruned", "move-committed"}


@pytest.mark.parametrize("point", PUSHES)
def test_a_pusher_killed_anywhere_costs_no_request_and_is_undone(
    site: Site, killed: ServingTarget, point: str
) -> None:
    before = killed.ledger()
    model = site.model(10.0 + PUSHES.index(point))
    with users(site, "killed") as traffic:
        pusher = pushers.start(killed.settings, "killed", "push", model, fault=f"kill@{point}")
        pusher.join(60)
        assert pusher.exitcode == -signal.SIGKILL
        healed = killed.heal()
    assert traffic.failures == []
    live = float(model.name.split("-")[0]) if point in LIVE_ANYWAY else 3.0
    assert site.answers("killed", "stable") == site.answers("killed") == [live, live]
    assert set(traffic.answers) <= {3.0, float(model.name.split("-")[0])}
    if point in LIVE_ANYWAY:
        assert killed.move("rollback", None, reason="as before").version == before.live
    else:
        assert ("did not end was taken back" in healed) == (point != "push-locked")
    assert killed.ledger().labels == before.labels
    assert site.answers("killed", "stable") == [3.0, 3.0]


@pytest.mark.parametrize(
    "point", [one for one in PUSHING if one.startswith("move-") and "restored" not in one]
)
def test_a_rollback_killed_anywhere_costs_no_request_and_is_undone_or_done(
    site: Site, killed: ServingTarget, point: str
) -> None:
    three = killed.ledger().live
    with users(site, "killed") as traffic:
        pusher = pushers.start(killed.settings, "killed", "rollback", fault=f"kill@{point}")
        pusher.join(60)
        assert pusher.exitcode == -signal.SIGKILL
        killed.heal()
    assert traffic.failures == []
    assert set(traffic.answers) <= {2.0, 3.0}
    live = 2.0 if point in LIVE_ANYWAY else 3.0
    assert site.answers("killed", "stable") == site.answers("killed") == [live, live]
    if point in LIVE_ANYWAY:
        killed.move("promote", three, reason="as before")


@pytest.fixture(scope="module")
def killed(site: Site) -> ServingTarget:
    target = site.target("killed", keep_versions=20)
    pushed(target, site.model(2.0))
    pushed(target, site.model(3.0))
    return target


def test_two_pushers_at_once_take_turns(site: Site) -> None:
    target = site.target("both")
    pushed(target, site.model(2.0))
    with users(site, "both") as traffic:
        both = [pushers.start(target.settings, "both", "push", site.model(one)) for one in (3.0, 5.0)]
        for pusher in both:
            pusher.join(60)
    assert [pusher.exitcode for pusher in both] == [0, 0]
    assert traffic.failures == []
    assert len({*target.base.existing()}) == 3
    live = {3.0, 5.0} & {*site.answers("both", "stable")}
    assert site.answers("both", "stable") == site.answers("both") == [*live, *live]
    assert target.ledger().live == max(target.base.existing())


def test_a_server_that_dies_while_a_push_goes_on(site: Site) -> None:
    """Down during a push: it is undone. Down or hanging: the next is. Up again: it serves what is live."""
    third = started(site, model="dying")
    try:
        addresses = [{"grpc": address} for address in (*site.grpc, third.grpc)]
        target = site.target("dying", replicas=addresses, load_timeout_seconds=20, request_timeout_seconds=2)
        first = pushed(target, site.model(2.0))
        pusher = pushers.start(target.settings, "dying", "push", site.model(3.0), fault="stop@push-checked")
        assert pusher.pid is not None
        wait_until(lambda: psutil.Process(pusher.pid).status() == psutil.STATUS_STOPPED)
        third.process.kill()
        third.process.wait()
        os.kill(pusher.pid, signal.SIGCONT)
        pusher.join(60)
        assert pusher.exitcode == 1
        assert site.answers("dying", "stable") == site.answers("dying") == [2.0, 2.0]
        assert (target.ledger().live, target.base.existing()) == (first, [first])
        assert target.ledger().pending["missed"] == [third.grpc]  # type: ignore[index]
        with pytest.raises(ServerUnreachableError, match="does not answer"):
            pushed(target, site.model(3.0))
        assert site.answers("dying", "stable") == [2.0, 2.0]
        third = started(site, model="dying", like=third)
        assert "did not end was taken back" in target.heal()
        assert target.ledger().pending is None
        second = pushed(target, site.model(3.0))
        told = target.states()[third.grpc]
        assert not isinstance(told, PipelineError)
        assert [one.version for one in told if one.state.name == "AVAILABLE"] == [second]
        third.process.send_signal(signal.SIGSTOP)
        hasty = site.target("dying", replicas=addresses, request_timeout_seconds=1, load_timeout_seconds=1)
        with pytest.raises(ServerUnreachableError, match="does not answer"):
            pushed(hasty, site.model(4.0))
        third.process.send_signal(signal.SIGCONT)
        assert "did not end was taken back" in target.heal()
        assert (target.ledger().live, site.answers("dying")) == (second, [3.0, 3.0])
    finally:
        third.process.kill()
        third.process.wait()


def test_servers_that_follow_the_base_path(site: Site) -> None:
    site.tell(ModelConfig(name="follow", base_path=str(site.base / "follow"), policy=Latest()))
    target = site.target("follow", "follow")
    pushed(target, site.model(2.0))
    pushed(target, site.model(3.0))
    assert site.answers("follow") == [3.0, 3.0]
    with pytest.raises(GoldenAnswersError):
        pushed(target, site.model(5.0, answers=5.1))
    wait_until(lambda: site.answers("follow") == [3.0, 3.0])
    target.move("rollback", None, reason="")
    assert site.answers("follow") == [2.0, 2.0]
    other = ModelConfig(
        name="follow", base_path=str(site.base / "follow"), policy=Specific((target.ledger().live or 0,))
    )
    site.tell(other, replicas=(1,))  # one that never loads it
    late = site.target("follow", "follow", load_timeout_seconds=1)
    with pytest.raises(PushUndoneError, match="is not AVAILABLE after 1 s"):
        pushed(late, site.model(8.0))
    wait_until(lambda: site.answers("follow") == [2.0, 2.0])


def test_nobody_fails_in_ten_thousand_requests_through_swaps_and_rollbacks(site: Site) -> None:
    target = site.target("busy")
    pushed(target, site.model(2.0))
    seconds: list[float] = []
    deadline = time.monotonic() + 60
    with users(site, "busy", 4) as traffic:
        turns = 0
        while (len(traffic.answers) < REQUESTS and time.monotonic() < deadline) or turns < 3:
            pushed(target, site.model(3.0 + turns))
            began = time.monotonic()
            target.move("rollback", None, reason="load")
            seconds.append(time.monotonic() - began)
            turns += 1
            wait_until(lambda done=turns: len(traffic.answers) > done * REQUESTS / 5)
    print(
        f"{len(traffic.answers)} requests, {len(traffic.failures)} failed, {turns} pushes and rollbacks; "
        f"the slowest rollback took {max(seconds):.2f} s"
    )
    assert traffic.failures == []
    assert len(traffic.answers) >= REQUESTS
    assert max(seconds) < 10
