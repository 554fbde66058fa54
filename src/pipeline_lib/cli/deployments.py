"""`pipeline serving`: what is live, since when and why; and changing it."""

import getpass
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from pipeline_lib.cli import serving_views as views
from pipeline_lib.cli.console import err, reported, show
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.errors import (
    CommandLineError,
    MetadataUnavailableError,
    NoSuchVersionError,
    PipelineError,
    ServerSettingsError,
)
from pipeline_lib.settings import ServingSettings, load_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline_lib.metadata.store import Store
    from pipeline_lib.serving.push.transaction import ServingTarget

Model = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name in the server.")]
AnyModel = Annotated[
    str | None, typer.Argument(metavar="[MODEL]", help="The model's name in the server; default: all.")
]
Reason = Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why, for the record.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for another change to end.", min=0)]


def status(
    model: AnyModel = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Ask this server instead: host:port (gRPC) or http://host:port."
        ),
    ] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show what is live, since when, and what the servers say."""
    with reported(as_json=as_json):
        settings = load_profile(profile).serving.resolved()
        settings = _asking(settings, server)
        found = [_status(settings, name) for name in _names(settings, model)]
    show(found, as_json=as_json, render=lambda: views.status_view(found))


def history(
    model: AnyModel = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was live then, ISO 8601; UTC by default.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many changes, newest first.")] = 20,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show what went live, when and why; with --at, what was live at a time."""
    with reported(as_json=as_json):
        from pipeline_lib.runtime.deployments import history as changes
        from pipeline_lib.runtime.deployments import live_then

        known = load_profile(profile)
        with _store(profile) as store:
            found = changes(store, model=model)
        shown = live_then(found, _time(at)) if at else found[:limit]
        if at and not shown:
            raise NoSuchVersionError(
                f"nothing{f' of {model}' if model else ''} was live at {at}",
                at=str(known.metadata.url),
                fix="`pipeline serving history` lists what is recorded",
            )
    show([asdict(one) for one in shown], as_json=as_json, render=lambda: views.history_view(shown))


def rollback(
    model: Model,
    to: Annotated[int | None, typer.Option(metavar="VERSION", help="Default: what was live before.")] = None,
    reason: Reason = "",
    wait: Wait = 60.0,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Bring back what was live before; what was rolled back is not pushed again until it is unblocked."""
    _move("rollback", model, to, reason, wait, profile, as_json=as_json)


def promote(
    model: Model,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="One that `status` lists.")],
    reason: Reason = "",
    wait: Wait = 60.0,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Make a version that is there live, also one that was rolled back."""
    _move("promote", model, version, reason, wait, profile, as_json=as_json)


def unblock(
    model: Model,
    version: Annotated[
        int | None, typer.Option(metavar="VERSION", help="What was rolled back; default: all of them.")
    ] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Allow a model that was rolled back to be pushed again."""
    with reported(as_json=as_json):
        settings = load_profile(profile).serving.resolved()
        require_model(settings, model)
        cleared = _target(settings, model).unblock(version)
    told = ", ".join(map(str, cleared))
    text = f"versions {told} of {model} may be pushed again" if cleared else f"nothing of {model} is blocked"
    show({"unblocked": cleared}, as_json=as_json, render=lambda: Text(text))


def heal(model: AnyModel = None, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Take back changes that died half-way, and record those that the metadata store does not know."""
    done: dict[str, str] = {}
    with reported(as_json=as_json):
        from pipeline_lib.runtime.deployments import record_missing

        settings = load_profile(profile).serving.resolved()
        with _store(profile) as store:
            for name in _names(settings, model):
                target = _target(settings, name)
                healed, late = target.heal(), record_missing(store, target)
                parts = [healed, f"{late} changes recorded" if late else ""]
                done[name] = "; ".join(part for part in parts if part)
    lines = [f"{name}: {text or 'nothing to heal'}" for name, text in done.items()]
    show(done, as_json=as_json, render=lambda: Text("\n".join(lines) or "no model was pushed yet"))


def start(
    model: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Models; default: all that were pushed.")
    ] = None,
    idle_minutes: Annotated[
        float, typer.Option(help="End it when nobody has asked for so long.", min=0.05)
    ] = 15.0,
    wait: Annotated[bool, typer.Option(help="Wait until it answers.")] = True,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Start a local model server in the background, unless one runs; `stop` ends it."""
    with reported(as_json=as_json):
        from pipeline_lib.serving.processes import background

        settings = load_profile(profile).serving.resolved()
        root = _local_root(settings)
        found = background.running(root)
        names = model or _names(settings, None)
        if not names:
            raise ServerSettingsError(
                "no model was pushed yet", at=str(root), fix="push one, or name the one to wait for"
            )
        server = found or background.start(root, names, idle_seconds=60 * idle_minutes)
        if wait:
            background.wait_until_it_answers(server, root, timeout_seconds=120)
    told = "serving already" if found else "serving" if wait else "starting"
    text = (
        f"{told}: REST {server.rest}, gRPC {server.grpc}, pid {server.pid}; `pipeline serving stop` ends it"
    )
    show(asdict(server), as_json=as_json, render=lambda: Text(text))


def stop(profile: ProfileName = None, as_json: AsJson = False) -> None:
    """End the local model server that `start` started."""
    with reported(as_json=as_json):
        from pipeline_lib.serving.processes import background

        stopped = background.stop(_local_root(load_profile(profile).serving.resolved()))
    show({"stopped": stopped}, as_json=as_json, render=lambda: Text("stopped" if stopped else "none runs"))


def _local_root(settings: ServingSettings) -> Path:
    if "://" in settings.base_path:
        raise ServerSettingsError(
            "the local model server reads local directories only",
            at=settings.base_path,
            fix="start TensorFlow Serving, which reads object stores",
        )
    return Path(settings.base_path)


def _move(
    action: Literal["rollback", "promote"],
    model: str,
    version: int | None,
    reason: str,
    wait: float,
    profile: str | None,
    *,
    as_json: bool,
) -> None:
    with reported(as_json=as_json):
        from pipeline_lib.runtime.deployments import move

        settings = load_profile(profile).serving.resolved()
        require_model(settings, model)
        target = _target(settings, model, wait)
        try:
            with _store(profile) as store:
                change = move(store, target, action, version, reason=reason)
        except MetadataUnavailableError as error:
            # Going back must not wait for the store: the base path remembers what happened.
            change = move(None, target, action, version, reason=reason)
            err.print(
                f"not recorded yet, `pipeline serving heal` will do it: {error.summary}", style="yellow"
            )
    show(
        {"action": action, **change.facts()},
        as_json=as_json,
        render=lambda: views.change_view(change),
    )


@contextmanager
def _store(profile: str | None) -> "Iterator[Store]":
    from pipeline_lib.metadata.mlmd import open_store

    with open_store(load_profile(profile).metadata) as store:
        yield store


def _target(settings: ServingSettings, model: str, wait: float = 60.0) -> "ServingTarget":
    from pipeline_lib.serving.processes.background import with_running
    from pipeline_lib.serving.push.transaction import ServingTarget

    return ServingTarget(with_running(settings, model), model, user=getpass.getuser(), wait_seconds=wait)


def _names(settings: ServingSettings, model: str | None) -> list[str]:
    from pipeline_lib.serving.base_path.places import models_below

    if model is not None and not settings.replicas:
        require_model(settings, model)
    return [model] if model is not None else models_below(settings.base_path)


def require_model(settings: ServingSettings, model: str) -> None:
    """Refuse the name of a model that nobody pushed.

    Raises:
        NoSuchVersionError: There is no such model.
    """
    from pipeline_lib.serving.base_path.places import models_below

    known = models_below(settings.base_path)
    if model not in known:
        raise NoSuchVersionError(
            f"no model {model} was pushed",
            at=settings.base_path,
            models=", ".join(known) or "none",
            fix="name one of these" if known else "push one: `pipeline run` with a `push` in the pipeline",
        )


def _asking(settings: ServingSettings, server: str | None) -> ServingSettings:
    if server is None:
        return settings
    address = {"rest": server} if "://" in server else {"grpc": server}
    return settings.model_copy(
        update={"replicas": ServingSettings.model_validate({"replicas": [address]}).replicas}
    )


def _status(settings: ServingSettings, name: str) -> dict[str, Any]:
    target = _target(settings, name)
    ledger = target.ledger()
    live = ledger.entries.get(ledger.live) if ledger.live is not None else None
    return {
        "model": name,
        "serving_target": target.base.uri,
        "live": ledger.live,
        "live_at": live.live_at if live else "",
        "labels": dict(ledger.labels),
        "previous": ledger.previous,
        "versions": {
            version: entry.place.value
            for version, entry in sorted(ledger.entries.items())
            if ledger.is_kept(version)
        },
        "blocked": {block.version: asdict(block) for block in ledger.blocked.values()},
        "interrupted": dict(ledger.pending or {}) if target.is_interrupted() else None,
        "servers": {
            address: {"error": told.summary}
            if isinstance(told, PipelineError)
            else {one.version: one.state.name for one in told}
            for address, told in target.states().items()
        },
    }


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandLineError(
            f"{text!r} is no time", needs="2026-11-21T03:12 (UTC unless it names a zone)", fix="give ISO 8601"
        ) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
