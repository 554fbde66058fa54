"""Canary, shadow and blue-green through a real nginx, between versions of a running model server."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from integration.model_servers import Server, export, export_texts, serving
from pipeline_lib.errors import NoSuchVersionError, ProxyFailedError
from pipeline_lib.runtime import canary
from pipeline_lib.serving.proxy.gate import Gate, Verdict
from pipeline_lib.serving.proxy.nginx import NginxProxy
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings
from waiting import wait_until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("model_server")]

BODY = {"instances": [1.0]}
NEVER_TOO_SLOW = 1000.0
"""Times on a busy machine decide nothing here; how they are judged is in tests/unit/serving."""


@dataclass(frozen=True)
class Site:
    server: Server
    settings: ServingSettings
    target: ServingTarget
    url: str
    good: int
    broken: int

    def answers(self, count: int) -> Counter[float]:
        with httpx.Client() as http:
            found = [http.post(self.url, json=BODY) for _ in range(count)]
        assert {one.status_code for one in found} == {200}
        return Counter(one.json()["predictions"][0] for one in found)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("canary")
    for factor in (2.0, 3.0):
        export(root / "exports" / f"times{factor:.0f}", factor)
    export_texts(root / "exports" / "texts")
    (root / "models").mkdir()
    listen = f"127.0.0.1:{free_port()}"
    with serving(root, "--base-path", str(root / "models"), "--model", "scale") as server:
        settings = ServingSettings.model_validate(
            {
                "base_path": str(root / "models"),
                "replicas": [{"grpc": server.grpc, "rest": server.rest}],
                "proxy": {"directory": str(root / "proxy"), "listen": listen},
            }
        )
        target = ServingTarget(settings, "scale", user="me")
        pushed = [target.push(root / "exports" / name, origin={}) for name in ("times2", "times3", "texts")]
        first, good, broken = (one.version for one in pushed if isinstance(one, Change))
        target.move("promote", first, reason="the others are for canaries")
        canary.begin(None, settings, target, good, traffic=0)
        proxy = NginxProxy(settings.proxy)
        proxy.start()
        try:
            url = f"http://{listen}/v1/models/scale:predict"
            yield Site(server, settings, target, url, good, broken)
        finally:
            proxy.stop()
        assert not [one for one in psutil.Process().children() if one.name() == "nginx"]


@pytest.fixture(autouse=True)
def _second_is_no_canary_afterwards(site: Site) -> Iterator[None]:
    yield
    if "canary" in site.target.ledger().labels:
        canary.abort(None, site.settings, site.target)


def test_a_share_of_the_requests_goes_to_the_canary(site: Site) -> None:
    told = canary.begin(None, site.settings, site.target, site.good, traffic=25, reason="try it", user="me")
    assert (told["label"], told["traffic"], told["version"]) == ("canary", 25, site.good)
    answers = site.answers(400)
    assert set(answers) == {2.0, 3.0}
    assert 50 <= answers[3.0] <= 150
    canary.abort(None, site.settings, site.target)
    assert site.answers(40) == {2.0: 40}
    with pytest.raises(NoSuchVersionError, match="has no canary"):
        canary.abort(None, site.settings, site.target)


def test_all_of_it_is_blue_green(site: Site) -> None:
    canary.begin(None, site.settings, site.target, site.good, traffic=100)
    assert site.answers(40) == {3.0: 40}


def test_a_shadow_gets_copies_and_answers_nobody(site: Site) -> None:
    before = answered(site, site.good)
    canary.begin(None, site.settings, site.target, site.good, traffic=100, mode="shadow")
    assert site.answers(40) == {2.0: 40}
    wait_until(lambda: answered(site, site.good) - before >= 40)
    assert answered(site, site.good) - before == 40


@contextmanager
def users(site: Site, body: object) -> Iterator[list[tuple[int, str]]]:
    statuses: list[tuple[int, str]] = []
    ended = threading.Event()

    def ask() -> None:
        with httpx.Client() as http:
            while not ended.is_set():
                try:
                    given = http.post(site.url, json=body)
                except (httpx.ReadError, httpx.RemoteProtocolError):
                    # An nginx that reloads closes idle connections, and this request crossed the closing.
                    # nginx 1.27.4 and later have `keepalive_min_timeout`; before, a client asks again.
                    given = http.post(site.url, json=body)
                statuses.append((given.status_code, "" if given.is_success else given.text))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_a_good_canary_passes_and_is_promoted_without_a_failed_request(site: Site) -> None:
    with users(site, BODY) as statuses:
        canary.begin(None, site.settings, site.target, site.good, traffic=50)
        gate = Gate(min_requests=30, max_latency_ratio=NEVER_TOO_SLOW)
        watched = canary.watch(site.settings, site.target, gate, seconds=2)
        assert watched.verdict is Verdict.PASSED, watched
        change = canary.promote(None, site.settings, site.target, reason="it passed")
        assert change.version == site.good
    assert set(statuses) == {(200, "")}
    assert len(statuses) > 100
    assert site.answers(20) == {3.0: 20}
    site.target.move("promote", change.previous_version, reason="as before")


def test_a_canary_that_fails_is_told_at_once(site: Site) -> None:
    with users(site, BODY) as answers:
        canary.begin(None, site.settings, site.target, site.broken, traffic=30)
        started = time.monotonic()
        watched = canary.watch(site.settings, site.target, Gate(min_requests=20), seconds=60)
        assert time.monotonic() - started < 30
        assert watched.verdict is Verdict.FAILED
        assert "100.00% of requests fail, 0.00% of stable's" in watched.reasons[0]
        canary.abort(None, site.settings, site.target)
        after = len(answers)
        while len(answers) < after + 20:
            time.sleep(0.01)
    assert {status for status, _ in answers[after + 4 :]} == {200}


def test_a_version_that_is_gone_costs_no_request(site: Site) -> None:
    canary.begin(None, site.settings, site.target, site.good, traffic=50)
    site.target.set_label("canary", None)  # what a promotion and a rollback by hand leave behind
    assert site.answers(40) == {2.0: 40}
    site.target.set_label("canary", site.good)


def test_too_few_requests_decide_nothing(site: Site) -> None:
    canary.begin(None, site.settings, site.target, site.good, traffic=50)
    watched = canary.watch(site.settings, site.target, Gate(min_requests=1000), seconds=0.1)
    assert watched.verdict is Verdict.UNDECIDED


def test_the_proxys_log_is_read_where_metrics_do_not_tell_versions(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "_METRICS", "/v1/models/scale")
    canary.begin(None, site.settings, site.target, site.good, traffic=50)
    with users(site, BODY):
        watched = canary.watch(
            site.settings, site.target, Gate(min_requests=20, max_latency_ratio=NEVER_TOO_SLOW), seconds=1
        )
    assert watched.verdict is Verdict.PASSED, watched
    assert watched.stable.requests > 0


def test_a_configuration_that_nginx_refuses_changes_nothing(site: Site, tmp_path: Path) -> None:
    broken = site.settings.proxy.model_copy(update={"listen": "nowhere:port"})
    settings = site.settings.model_copy(update={"proxy": broken})
    with pytest.raises(ProxyFailedError, match="nginx refuses the configuration"):
        canary.begin(None, settings, site.target, site.good, traffic=10)
    assert "canary" not in site.target.ledger().labels
    assert site.answers(10) == {2.0: 10}
    missing = site.settings.proxy.model_copy(update={"command": str(tmp_path / "nginx")})
    with pytest.raises(ProxyFailedError, match="cannot be run"):
        NginxProxy(missing).apply(NginxProxy(missing).routes()[0])


def answered(site: Site, version: int) -> int:
    page = httpx.get(f"{site.server.rest}/monitoring/prometheus/metrics").text
    lines = [
        line for line in page.splitlines() if line.startswith(":pipeline:serving:version_request_count{")
    ]
    return sum(int(line.split()[-1]) for line in lines if f'version="{version}"' in line)


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])
