"""Pushes and rollbacks against two real model servers: what fails is undone, and no user notices."""

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.errors import (
    GoldenAnswersError,
    PipelineError,
    PushUndoneError,
    ServerUnreachableError,
)
from pipeline_lib.serving import golden
from pipeline_lib.serving.change import Change
from pipeline_lib.serving.transaction import ServingTarget
from pipeline_lib.serving.versions import Latest, ModelConfig, Specific
from pipeline_lib.settings import ReplicaSettings, ServingSettings

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
        from pipeline_lib.serving.client import GrpcClient

        for index in replicas:
            with GrpcClient(self.grpc[index]) as client:
                client.reload(configs)

    def answers(self, name: str, label: str | None = None) -> list[float]:
        from pipeline_lib.serving.client import GrpcClient

        found = []
        for address in self.grpc:
            with GrpcClient(address) as client:
                found.append(float(client.predict(name, {"x": [1.0]}, label=label)["y"][0]))
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("push"))
    processes = []
    for _ in range(2):
        rest, grpc = free_port(), free_port()
        options = ["--base-path", str(made.base), "--model", "scale", "--poll-seconds", "0.1"]
        ports = ["--rest-port", str(rest), "--grpc-port", str(grpc)]
        command = [sys.executable, "-c", "from pipeline_lib.cli import app; app()", "serve", *options, *ports]
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=made.root))
        made.rest.append(f"http://127.0.0.1:{rest}")
        made.grpc.append(f"127.0.0.1:{grpc}")
    try:
        for address in made.grpc:
            wait_for(lambda address=address: is_listening(address))
        yield made
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def wait_for(is_so: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


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
    from pipeline_lib.serving.client import GrpcClient

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
    } == {address: [second] for address in site.grpc}


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


def test_a_pusher_killed_between_servers_is_undone_by_the_next(site: Site, steady: ServingTarget) -> None:
    program = (
        "import sys; from pathlib import Path; from pipeline_lib.serving.transaction import ServingTarget\n"
        "from pipeline_lib.settings import ServingSettings\n"
        "settings = ServingSettings.model_validate_json(sys.argv[1])\n"
        "ServingTarget(settings, 'steady').push(Path(sys.argv[2]), origin={})\n"
    )
    settings = steady._settings.model_dump_json()
    environ = {"PIPELINE_FAULT": "kill@push-labelled", "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", program, settings, str(site.model(7.0))]
    ended = subprocess.run(command, env=environ, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert site.answers("steady", "stable") == [7.0, 7.0]  # it had answered right, and is not recorded
    assert "did not end was taken back" in steady.heal()
    assert site.answers("steady", "stable") == site.answers("steady") == [3.0, 3.0]


def test_servers_that_follow_the_base_path(site: Site) -> None:
    site.tell(ModelConfig(name="follow", base_path=str(site.base / "follow"), policy=Latest()))
    target = site.target("follow", "follow")
    pushed(target, site.model(2.0))
    pushed(target, site.model(3.0))
    assert site.answers("follow") == [3.0, 3.0]
    with pytest.raises(GoldenAnswersError):
        pushed(target, site.model(5.0, answers=5.1))
    wait_for(lambda: site.answers("follow") == [3.0, 3.0], 20)
    target.move("rollback", None, reason="")
    assert site.answers("follow") == [2.0, 2.0]
    other = ModelConfig(
        name="follow", base_path=str(site.base / "follow"), policy=Specific((target.ledger().live or 0,))
    )
    site.tell(other, replicas=(1,))  # one that never loads it
    late = site.target("follow", "follow", load_timeout_seconds=1)
    with pytest.raises(PushUndoneError, match="is not AVAILABLE after 1 s"):
        pushed(late, site.model(8.0))
    wait_for(lambda: site.answers("follow") == [2.0, 2.0], 20)


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
            wait_for(lambda done=turns: len(traffic.answers) > done * REQUESTS / 5, 30)
    print(
        f"{len(traffic.answers)} requests, {len(traffic.failures)} failed, {turns} pushes and rollbacks; "
        f"the slowest rollback took {max(seconds):.2f} s"
    )
    assert traffic.failures == []
    assert len(traffic.answers) >= REQUESTS
    assert max(seconds) < 10
