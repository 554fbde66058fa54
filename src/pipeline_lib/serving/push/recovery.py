"""Taking back what did not end: files and servers are put to what the ledger says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pipeline_lib.errors import DeploymentBrokenError, PipelineError, PushBusyError
from pipeline_lib.serving.base_path.bases import VersionBase
from pipeline_lib.serving.base_path.content import SAVED_MODEL
from pipeline_lib.serving.base_path.ledger import Ledger, Place
from pipeline_lib.serving.push.opening import Opened


def known_ledger(base: VersionBase) -> Ledger:
    """The ledger; where it knows no live version, the newest whole one counts as live."""
    ledger = base.read_ledger()
    if ledger.live is not None:
        return ledger
    return ledger.adopting(one for one in base.existing() if base.read(one, SAVED_MODEL) is not None)


def settled(opened: Opened) -> tuple[Ledger, str]:
    """The ledger, after what a dead change has left was put right; and what that was, or "".

    Raises:
        DeploymentBrokenError: It cannot be put right.
    """
    opened.base.clear_leftovers()
    ledger = known_ledger(opened.base)
    there = {*opened.base.existing(), *opened.base.withdrawn()}
    gone = {*ledger.at(Place.REMOVED), *ledger.at(Place.STAGED)}
    if ledger.pending is None and not there & gone:
        return ledger, ""
    told = ledger.pending or {"action": "removal", "version": min(there & gone)}
    after = _aligned(opened, ledger, told)
    missed = (after.pending or {}).get("missed", ())
    text = f"a {told['action']} of version {told['version']} that did not end was taken back"
    return after, text + (f"; no answer from {', '.join(missed)}" if missed else "")


@contextmanager
def taken_back_on_failure(opened: Opened, known: Ledger, version: int) -> Iterator[None]:
    """Take back what the block has changed, if it fails.

    Args:
        opened: The base path and its servers.
        known: What they are put back to.
        version: What the block makes live.

    Raises:
        DeploymentBrokenError: It failed and cannot be taken back.
    """
    try:
        yield
    except PushBusyError:
        raise  # the lock was taken from us: its holder puts everything right
    except BaseException as error:
        written = opened.base.read_ledger()
        if written.pending is None and written.live == version:
            raise  # it had ended: only the answer was lost
        after = _aligned(opened, known, written.pending or {})
        if isinstance(error, PipelineError):
            live = f"version {known.live} is live" if known.live is not None else "none is live"
            error.facts["undone"] = f"version {version} was taken back, {live}"
            if after.pending is not None:
                error.facts["not told"] = ", ".join(after.pending["missed"])
        raise


def _aligned(opened: Opened, ledger: Ledger, pending: Mapping[str, Any]) -> Ledger:
    """Put files and servers to what a ledger says; while a server does not answer, that stays to do."""
    base = opened.base
    after = replace(ledger.placing(ledger.at(Place.STAGED), Place.REMOVED), pending=None)
    try:
        for version in sorted({*after.at(Place.PRESENT)} & {*base.withdrawn()}):
            base.restore(version)
        missed = opened.control.restore(after, _moving_to(pending))
        for version in sorted({*after.at(Place.WITHDRAWN)} & {*base.existing()}):
            base.withdraw(version)
        for version in sorted({*after.at(Place.REMOVED)} & {*base.existing(), *base.withdrawn()}):
            base.remove(version)
        if missed:
            after = replace(after, pending={**pending, "missed": missed})
        base.write_ledger(after)
    except PipelineError as error:
        raise DeploymentBrokenError(
            f"a change of {opened.name} could not be taken back: {error.summary}",
            at=error.at or base.uri,
            live=after.live,
            fix="mend that, then run `pipeline serving heal`; the next push does it too",
        ) from error
    return after


def _moving_to(pending: Mapping[str, Any]) -> int | None:
    """The version that was being made live, if it has been questioned: a push's may not have been."""
    return int(pending["version"]) if pending.get("action") in {"rollback", "promote"} else None
