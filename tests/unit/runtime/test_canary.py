"""What a canary leaves in the store, the ledger and the proxy; nginx itself is left out here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_lib.errors import CanaryAbortedError, NoSuchVersionError, ProfileError, ProxyFailedError
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime import canary
from pipeline_lib.runtime.deployments import history
from pipeline_lib.serving.proxy.gate import Gate, Verdict
from pipeline_lib.serving.proxy.nginx import NginxProxy
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/metadata.sqlite") as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path) -> ServingSettings:
    return ServingSettings.model_validate(
        {
            "base_path": str(tmp_path / "serving"),
            "replicas": [{"rest": "http://127.0.0.1:1"}],
            "proxy": {"directory": str(tmp_path / "proxy"), "command": "true"},
        }
    )


@pytest.fixture
def target(settings: ServingSettings, tmp_path: Path) -> ServingTarget:
    # Without replicas: nobody is asked whether the versions are served.
    made = ServingTarget(ServingSettings(base_path=settings.base_path), "delays", user="ann")
    for text in ("one", "two"):
        (tmp_path / text).mkdir()
        (tmp_path / text / "saved_model.pb").write_bytes(b"\x08\x01" + text.encode())
        made.push(tmp_path / text, origin={})
    return made


def other(target: ServingTarget) -> int:
    version = target.ledger().previous
    assert version is not None
    return version


def test_every_step_is_recorded(store: Store, settings: ServingSettings, target: ServingTarget) -> None:
    live, version = target.ledger().live, other(target)
    canary.begin(store, settings, target, version, traffic=5, reason="try it", user="ann")
    assert target.ledger().labels == {"stable": live, "canary": version}
    (route,) = NginxProxy(settings.proxy).routes()
    assert (route.traffic, route.version, route.stable) == (5, version, ("127.0.0.1:1",))
    canary.abort(store, settings, target, reason="complaints", user="ann")
    assert target.ledger().labels == {"stable": live}
    assert NginxProxy(settings.proxy).routes()[0].traffic == 0
    told = [(one.action, one.version, one.label, one.traffic, one.reason) for one in history(store)]
    assert told == [
        ("abort", live, "stable", None, "complaints"),
        ("canary", version, "canary", 5.0, "try it"),
    ]


def test_promotion_ends_the_canary(store: Store, settings: ServingSettings, target: ServingTarget) -> None:
    version = other(target)
    canary.begin(store, settings, target, version, traffic=50)
    change = canary.promote(store, settings, target, reason="it passed")
    assert isinstance(change, Change)
    assert (change.version, target.ledger().labels) == (version, {"stable": version})
    assert NginxProxy(settings.proxy).routes()[0].traffic == 0
    with pytest.raises(NoSuchVersionError, match="has no canary"):
        canary.promote(store, settings, target, reason="again")
    with pytest.raises(CanaryAbortedError, match="no canary any more"):
        canary.watch(settings, target, Gate(), seconds=0)


def test_nobody_asks_a_canary(settings: ServingSettings, target: ServingTarget) -> None:
    canary.begin(None, settings, target, other(target), traffic=50)
    watched = canary.watch(settings, target, Gate(), seconds=0)
    assert watched.verdict is Verdict.UNDECIDED
    assert watched.reasons == ("0 of 100 requests so far",)


def test_what_the_proxy_refuses_changes_nothing(settings: ServingSettings, target: ServingTarget) -> None:
    refusing = settings.model_copy(update={"proxy": settings.proxy.model_copy(update={"command": "false"})})
    with pytest.raises(ProxyFailedError, match="nginx refuses"):
        canary.begin(None, refusing, target, other(target), traffic=50)
    assert "canary" not in target.ledger().labels


def test_servers_that_follow_need_others_beside_them(
    settings: ServingSettings, target: ServingTarget
) -> None:
    follows = settings.model_copy(update={"control": "follow"})
    with pytest.raises(ProfileError, match="cannot serve a canary beside"):
        canary.begin(None, follows, target, other(target), traffic=50)
    beside = follows.model_copy(
        update={"proxy": settings.proxy.model_copy(update={"canary": ("127.0.0.1:2",)})}
    )
    canary.begin(None, beside, target, other(target), traffic=50)
    (route,) = NginxProxy(settings.proxy).routes()
    assert (route.canary, route.version, route.labels) == (("127.0.0.1:2",), None, False)
