"""`pipeline serving canary` and `abort`: a version gets a share of the traffic, and stays or goes."""

import getpass
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from pipeline_lib.cli.console import err, reported, show
from pipeline_lib.cli.deployments import require_model
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.errors import CanaryAbortedError, MetadataUnavailableError
from pipeline_lib.settings import ServingSettings, load_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline_lib.metadata.store import Store
    from pipeline_lib.runtime.canary import Watched
    from pipeline_lib.serving.proxy.gate import Gate
    from pipeline_lib.serving.push.transaction import ServingTarget

Model = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name in the server.")]
Reason = Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why, for the record.")]


def canary(
    model: Model,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="One that `status` lists.")],
    traffic: Annotated[float, typer.Option(metavar="PERCENT", help="Its share.", min=0, max=100)] = 10.0,
    shadow: Annotated[bool, typer.Option("--shadow", help="Copies only; stable answers everybody.")] = False,
    watch: Annotated[
        float, typer.Option(metavar="SECONDS", help="Compare it with stable for so long.", min=0)
    ] = 0.0,
    promote: Annotated[bool, typer.Option("--promote", help="Make it stable if it passes.")] = False,
    min_requests: Annotated[int, typer.Option(help="Fewer decide nothing.", min=1)] = 100,
    max_error_increase: Annotated[
        float, typer.Option(help="Of the share of requests that fail.", min=0, max=1)
    ] = 0.01,
    max_latency_ratio: Annotated[float, typer.Option(help="Of the 95th percentiles.", min=0)] = 1.5,
    reason: Reason = "",
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Give a version a share of the traffic; watched, it is taken back as soon as it does worse."""
    with reported(as_json=as_json):
        from pipeline_lib.runtime import canary as canaries
        from pipeline_lib.serving.proxy.gate import Gate

        settings = load_profile(profile).serving.resolved()
        require_model(settings, model)
        target, user = _target(settings, model), getpass.getuser()
        gate = Gate(
            min_requests=min_requests,
            max_error_increase=max_error_increase,
            max_latency_ratio=max_latency_ratio,
        )
        mode: canaries.Mode = "shadow" if shadow else "split"
        with _store(profile) as store:
            told = canaries.begin(
                store, settings, target, version, traffic=traffic, mode=mode, reason=reason, user=user
            )
            if watch:
                told |= _watch(store, settings, target, gate, watch, promote=promote, user=user)
    show(told, as_json=as_json, render=lambda: Text(_line(told)))


def abort(model: Model, reason: Reason = "", profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Give all traffic back to the stable version and unload the canary."""
    with reported(as_json=as_json):
        from pipeline_lib.runtime import canary as canaries

        settings = load_profile(profile).serving.resolved()
        require_model(settings, model)
        with _store(profile) as store:
            told = canaries.abort(
                store, settings, _target(settings, model), reason=reason, user=getpass.getuser()
            )
    line = f"{model}: all traffic is on version {told['version']} again"
    show(told, as_json=as_json, render=lambda: Text(line))


def _watch(
    store: "Store | None",
    settings: ServingSettings,
    target: "ServingTarget",
    gate: "Gate",
    seconds: float,
    *,
    promote: bool,
    user: str,
) -> dict[str, Any]:
    from pipeline_lib.runtime import canary as canaries
    from pipeline_lib.serving.proxy.gate import Verdict

    watched = canaries.watch(settings, target, gate, seconds=seconds)
    told: dict[str, Any] = {"verdict": watched.verdict.value, **_counts(watched)}
    if watched.verdict is Verdict.PASSED:
        if promote:
            change = canaries.promote(store, settings, target, reason="the canary passed its gate")
            told |= {"promoted": change.version}
        return told
    reasons = "; ".join(watched.reasons)
    canaries.abort(store, settings, target, reason=f"gate: {reasons}", user=user)
    raise CanaryAbortedError(
        f"the canary of {target.name} was taken back",
        at=target.base.uri,
        verdict=watched.verdict.value,
        reason=reasons,
        fix="mend the model and push it again; for too few requests watch longer, or lower --min-requests",
    )


def _counts(watched: "Watched") -> dict[str, Any]:
    return {
        name: {
            "requests": one.requests,
            "error_rate": round(one.error_rate, 6),
            "p95_seconds": round(one.seconds(0.95), 6),
        }
        for name, one in (("stable", watched.stable), ("canary", watched.canary))
    }


def _line(told: dict[str, Any]) -> str:
    if "promoted" in told:
        return f"{told['model_name']}: version {told['promoted']} passed and is stable"
    passed = f", and passed: {told['canary']['requests']} requests" if "verdict" in told else ""
    return (
        f"{told['model_name']}: version {told['version']} gets {told['traffic']:g} % of the traffic{passed}"
    )


@contextmanager
def _store(profile: str | None) -> "Iterator[Store | None]":
    from pipeline_lib.metadata.mlmd import open_store

    with ExitStack() as opened:
        store = None
        try:
            store = opened.enter_context(open_store(load_profile(profile).metadata))
        except MetadataUnavailableError as error:
            # Taking a canary back must not wait for the store.
            err.print(f"not recorded: {error.summary}", style="yellow")
        yield store


def _target(settings: ServingSettings, model: str) -> "ServingTarget":
    from pipeline_lib.serving.push.transaction import ServingTarget

    return ServingTarget(settings, model, user=getpass.getuser(), wait_seconds=60.0)
