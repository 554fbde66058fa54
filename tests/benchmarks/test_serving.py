"""The local model server beside a bare `tf.function` behind FastAPI: the same model, cores and clients."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from benchmarks.measuring import Comparison, Report
from integration.model_servers import Server, export, serving
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings

CHAPTER = "Serving, one small model, 8 clients, beside a bare tf.function behind FastAPI"
CLIENTS = Path(__file__).parent / "http_load.py"
BARE = Path(__file__).parent / "peers/bare_fastapi.py"


@dataclass(frozen=True)
class Load:
    """What the clients saw.

    Attributes:
        rate: Requests per second.
        p99: Milliseconds.
    """

    rate: float
    p99: float


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("serving")
    export(root / "exports/times2", 2.0)
    shutil.copytree(root / "exports/times2", root / "models/scale/1")
    with serving(root, "--base-path", str(root / "models")) as made:
        yield made


@pytest.fixture(scope="module")
def bare(server: Server) -> Iterator[str]:
    command = [sys.executable, str(BARE), str(server.exports / "times2")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            yield url
        finally:
            process.terminate()


def load(url: str, seconds: float, path: str = "/v1/models/scale:predict") -> Load:
    """Eight clients that ask again at once; none of their requests may fail."""
    done = subprocess.run(
        [
            sys.executable, str(CLIENTS), url.removeprefix("http://"), path, '{"instances": [1.0, 2.0]}',
            str(seconds), "8",
        ],
        stdout=subprocess.PIPE, text=True, check=True, timeout=seconds + 60,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["failures"] == 0
    return Load(found["rate"], found["p99"])


def test_requests_per_second(server: Server, bare: str, quick: bool, report: Report) -> None:
    rounds, seconds = (1, 4) if quick else (3, 10)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(load(server.rest, seconds))
        theirs.append(load(bare, seconds, "/predict"))
    report.add(
        CHAPTER,
        Comparison(
            what="requests per second",
            beside="FastAPI",
            ours=[one.rate for one in ours],
            other=[one.rate for one in theirs],
            at_least=1.0,
            unit="requests/s",
        ),
    )
    report.add(
        CHAPTER,
        Comparison(
            what="99 % answered within",
            beside="FastAPI",
            ours=[one.p99 for one in ours],
            other=[one.p99 for one in theirs],
            at_most=1.0,
            unit="ms",
        ),
    )


def test_push_to_available(server: Server, report: Report) -> None:
    waits = []
    for version in range(10, 15):
        started = time.perf_counter()
        server.put(version, "times2")
        while httpx.get(f"{server.rest}/v1/models/scale/versions/{version}").status_code != 200:
            time.sleep(0.005)
        while not available(server, version):
            time.sleep(0.005)
        waits.append(time.perf_counter() - started)
    report.add(
        CHAPTER,
        Comparison(what="rename to AVAILABLE", beside="poll interval", ours=waits, other=[0.1], unit="s"),
    )


def available(server: Server, version: int) -> bool:
    (one,) = httpx.get(f"{server.rest}/v1/models/scale/versions/{version}").json()["model_version_status"]
    return bool(one["state"] == "AVAILABLE")


def test_memory_comes_back(server: Server, report: Report) -> None:
    """Twenty versions come and go; what the first two leave is TensorFlow's own."""
    process = psutil.Process(server.process.pid)
    sizes = []
    for version in range(100, 122):
        server.put(version, "times2")
        while httpx.get(f"{server.rest}/v1/models/scale").json()["model_version_status"][0] != {
            "version": str(version),
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }:
            time.sleep(0.02)
        shutil.rmtree(server.base / str(version - 1), ignore_errors=True)
        with asked(server):
            sizes.append(process.memory_info().rss / 2**20)
    report.add(
        CHAPTER,
        Comparison(
            what="memory after 20 versions more",
            beside="after two",
            ours=[sizes[-1]],
            other=[sizes[1]],
            at_most=1.1,
            unit="MiB",
        ),
    )


@contextmanager
def asked(server: Server) -> Iterator[None]:
    """With one request answered, so that the version is in use."""
    thread = threading.Thread(
        target=lambda: httpx.post(f"{server.rest}/v1/models/scale:predict", json={"instances": [1.0]})
    )
    thread.start()
    thread.join()
    yield


def test_push_and_rollback(server: Server, tmp_path: Path, report: Report) -> None:
    """Whole changes: copied with fsync, loaded beside, questioned, labelled, recorded in the ledger."""
    settings = ServingSettings.model_validate(
        {"base_path": str(tmp_path / "models"), "replicas": [{"grpc": server.grpc, "rest": server.rest}]}
    )
    target = ServingTarget(settings, "pushed")
    models = [export_copy(server, tmp_path / f"model-{number}", number) for number in range(6)]
    target.push(models[0], origin={})
    copies, pushes, rollbacks = [], [], []
    for number, model in enumerate(models[1:]):
        copies.append(timed(lambda to=tmp_path / f"copy-{number}", model=model: shutil.copytree(model, to)))
        pushes.append(timed(lambda model=model: target.push(model, origin={})))
        rollbacks.append(timed(lambda: target.move("rollback", None, reason="")))
    for what, seconds in (("a push, confirmed by the server", pushes), ("a rollback", rollbacks)):
        report.add(CHAPTER, Comparison(what=what, beside="copying the files", ours=seconds, other=copies))


def export_copy(server: Server, directory: Path, number: int) -> Path:
    """The same model with other content."""
    shutil.copytree(server.exports / "times2", directory)
    (directory / "assets").mkdir(exist_ok=True)
    (directory / "assets" / "number").write_text(str(number))
    return directory


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
