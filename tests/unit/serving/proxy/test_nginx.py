"""nginx takes our configuration, or the one before stays."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pipeline_lib.errors import ProxyFailedError
from pipeline_lib.serving.proxy.nginx import NginxProxy
from pipeline_lib.serving.proxy.routes import CONFIGURATION, Route
from pipeline_lib.settings import ProxySettings
from waiting import wait_until

pytestmark = pytest.mark.system

NOBODY = ("127.0.0.1:1",)


@pytest.fixture
def settings(tmp_path: Path) -> ProxySettings:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return ProxySettings(directory=tmp_path / "proxy", listen=f"127.0.0.1:{port}")


@pytest.fixture
def proxy(settings: ProxySettings) -> Iterator[NginxProxy]:
    made = NginxProxy(settings)
    yield made
    made.stop()


def test_routes_of_models_come_one_by_one(proxy: NginxProxy, settings: ProxySettings) -> None:
    assert proxy.routes() == []
    assert not proxy.apply(Route(model="a", stable=NOBODY)), "nobody runs yet"
    proxy.start()
    proxy.start()
    assert proxy.apply(Route(model="b", stable=NOBODY, canary=NOBODY, traffic=10))
    assert proxy.apply(Route(model="a", stable=NOBODY, canary=NOBODY, traffic=20))
    assert [(one.model, one.traffic) for one in proxy.routes()] == [("a", 20), ("b", 10)]
    url = f"http://{settings.listen}/v1/models/a:predict"
    assert httpx.post(url, json={}, trust_env=False).status_code == 502
    wait_until(proxy.requests_log.read_text)  # nginx answers first, then writes
    assert proxy.requests_log.read_text().count('"model":"a"') == 1
    proxy.stop()
    proxy.stop()


def test_what_nginx_refuses_changes_nothing(proxy: NginxProxy, settings: ProxySettings) -> None:
    proxy.apply(Route(model="a", stable=NOBODY))
    before = (settings.directory / CONFIGURATION).read_text()
    wrong = NginxProxy(settings.model_copy(update={"listen": "no port"}))
    with pytest.raises(ProxyFailedError, match="refuses the configuration"):
        wrong.apply(Route(model="b", stable=NOBODY))
    assert (settings.directory / CONFIGURATION).read_text() == before
    assert [one.model for one in proxy.routes()] == ["a"]


def test_no_nginx(settings: ProxySettings) -> None:
    missing = NginxProxy(settings.model_copy(update={"command": "/no/nginx"}))
    with pytest.raises(ProxyFailedError, match="nginx cannot be run"):
        missing.apply(Route(model="a", stable=NOBODY))
