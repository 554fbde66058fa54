"""Canaries: a version gets a share of the traffic, is watched beside the stable one, and stays or goes."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import httpx

from pipeline_lib.errors import (
    CanaryAbortedError,
    NoSuchVersionError,
    PipelineError,
    ProfileError,
)
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.deployments import move, record
from pipeline_lib.serving.base_path.ledger import STABLE
from pipeline_lib.serving.proxy.gate import Gate, Observed, Verdict, judge, read_log, read_metrics
from pipeline_lib.serving.proxy.nginx import NginxProxy
from pipeline_lib.serving.proxy.routes import CANARY, Route
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings

Mode = Literal["split", "shadow"]
_LOOK_EVERY_SECONDS = 0.5
_METRICS = "/monitoring/prometheus/metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """How a canary did.

    Attributes:
        reasons: What speaks against it.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    stable: Observed
    canary: Observed


def begin(
    store: Store | None,
    settings: ServingSettings,
    target: ServingTarget,
    version: int,
    *,
    traffic: float,
    mode: Mode = "split",
    reason: str = "",
    user: str = "",
) -> dict[str, Any]:
    """Load a version beside the stable one and give it a share of the traffic.

    Args:
        store: Where it is recorded; None, if it does not answer.
        settings: Replicas and proxy.
        target: The model.
        version: One that is present.
        traffic: Percent.
        mode: `split`, or `shadow`: it gets copies, and its answers are thrown away.
        reason: Why, for the record.
        user: Who, for the record.

    Returns:
        What is recorded.

    Raises:
        NoSuchVersionError: There is no such version.
        PushUndoneError: The servers did not load it; nothing changed.
        GoldenAnswersError: It answers otherwise than the evaluated model; nothing changed.
        ProxyFailedError: The proxy did not take the split; nothing changed.
    """
    route = _route(settings, target, traffic=traffic, mode=mode, version=version)
    before = target.ledger()
    target.set_label(CANARY, version)
    try:
        NginxProxy(settings.proxy).apply(route)
    except PipelineError:
        target.set_label(CANARY, before.labels.get(CANARY))
        raise
    facts = _facts(target, version, before.live, label=CANARY, traffic=traffic) | {
        "reason": reason,
        "user": user,
    }
    _record(store, target, "canary", {**facts, "mode": mode})
    return facts


def abort(
    store: Store | None, settings: ServingSettings, target: ServingTarget, *, reason: str = "", user: str = ""
) -> dict[str, Any]:
    """Give all traffic back to the stable version, then unload the canary.

    Raises:
        NoSuchVersionError: The model has no canary.
        ProxyFailedError: The proxy did not take it; the canary is as it was.
    """
    ledger = target.ledger()
    version = ledger.labels.get(CANARY)
    if version is None or ledger.live is None:
        raise NoSuchVersionError(
            f"{target.name} has no canary",
            at=target.base.uri,
            fix="`pipeline serving status` tells what is live",
        )
    _end(settings, target)
    facts = _facts(target, ledger.live, version, label=STABLE) | {"reason": reason, "user": user}
    _record(store, target, "abort", facts)
    return facts


def promote(store: Store | None, settings: ServingSettings, target: ServingTarget, *, reason: str) -> Change:
    """Make the canary the stable version, then give it all traffic.

    Raises:
        NoSuchVersionError: The model has no canary.
        PushUndoneError: The servers did not confirm it; the canary is as it was.
    """
    version = target.ledger().labels.get(CANARY)
    if version is None:
        raise NoSuchVersionError(
            f"{target.name} has no canary", at=target.base.uri, fix="begin one: `pipeline serving canary`"
        )
    change = move(store, target, "promote", version, reason=reason)
    _end(settings, target)
    return change


def watch(
    settings: ServingSettings,
    target: ServingTarget,
    gate: Gate,
    *,
    seconds: float,
) -> Watched:
    """Compare the canary with the stable version until it fails, or the time is over.

    Args:
        settings: Replicas, whose metrics are read, and proxy, whose log is read where those tell no versions.
        target: The model.
        gate: Limits.
        seconds: For how long. A failure ends it at once.

    Raises:
        CanaryAbortedError: The model has no canary any more.
    """
    labels = target.ledger().labels
    if CANARY not in labels or STABLE not in labels:
        raise CanaryAbortedError(
            f"{target.name} has no canary any more", at=target.base.uri, fix="see `pipeline serving history`"
        )
    with _evidence(settings, target.name, labels[STABLE], labels[CANARY]) as look:
        deadline = time.monotonic() + seconds
        while True:
            stable, canary = look()
            verdict, reasons = judge(stable, canary, gate)
            watched = Watched(verdict=verdict, reasons=tuple(reasons), stable=stable, canary=canary)
            if verdict is Verdict.FAILED or time.monotonic() >= deadline:
                return watched
            time.sleep(_LOOK_EVERY_SECONDS)


def _end(settings: ServingSettings, target: ServingTarget) -> None:
    NginxProxy(settings.proxy).apply(_route(settings, target, traffic=0.0, mode="split"))
    target.set_label(CANARY, None)


def _route(
    settings: ServingSettings,
    target: ServingTarget,
    *,
    traffic: float,
    mode: Mode,
    version: int | None = None,
) -> Route:
    stable = tuple(one.rest.removeprefix("http://").rstrip("/") for one in settings.replicas if one.rest)
    labels = settings.control == "reload"
    if not labels and not settings.proxy.canary:
        raise ProfileError(
            "servers that follow the base path cannot serve a canary beside the stable version",
            at="serving.control",
            fix="set it to reload, or name servers of the canary's own in serving.proxy.canary",
        )
    return Route(
        model=target.name,
        stable=stable,
        canary=settings.proxy.canary or stable,
        traffic=traffic,
        mode=mode,
        version=None if settings.proxy.canary else version,
        labels=labels,
    )


def _facts(
    target: ServingTarget,
    version: int,
    previous: int | None,
    *,
    label: str,
    traffic: float | None = None,
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "serving_target": target.base.uri,
        "model_name": target.name,
        "version": version,
        "label": label,
        "live_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    if previous is not None:
        facts["previous_version"] = previous
    return facts | ({} if traffic is None else {"traffic": traffic})


def _record(store: Store | None, target: ServingTarget, action: str, facts: dict[str, Any]) -> None:
    if store is not None:
        record(store, target, action, facts)


@contextmanager
def _evidence(
    settings: ServingSettings, model: str, stable: int, canary: int
) -> Iterator[Callable[[], tuple[Observed, Observed]]]:
    pages = [one.rest.rstrip("/") for one in settings.replicas if one.rest]
    pages += [f"http://{address}" for address in settings.proxy.canary]
    log = NginxProxy(settings.proxy).requests_log
    began = log.stat().st_size if log.exists() else 0
    trusted = ssl.create_default_context(cafile=settings.tls.ca) if settings.tls else True
    with httpx.Client(timeout=settings.request_timeout_seconds, verify=trusted, trust_env=False) as http:
        first = _scraped(http, pages, model, stable, canary)

        def look() -> tuple[Observed, Observed]:
            found = _scraped(http, pages, model, stable, canary) if first is not None else None
            if first is None or found is None:
                return read_log(log, began, model, STABLE), read_log(log, began, model, CANARY)
            return found[0].since(first[0]), found[1].since(first[1])

        yield look


def _scraped(
    http: httpx.Client, pages: list[str], model: str, stable: int, canary: int
) -> tuple[Observed, Observed] | None:
    total = (Observed(), Observed())
    for page in pages:
        try:
            text = http.get(f"{page}{_METRICS}").text
        except httpx.HTTPError:
            return None  # what clients see of a server that does not answer is in the proxy's log
        found = (read_metrics(text, model, stable), read_metrics(text, model, canary))
        if found[0] is None or found[1] is None:
            return None
        total = (total[0] + found[0], total[1] + found[1])
    return total
