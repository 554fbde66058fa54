"""A base path under its lock, with the servers behind it; and what makes a waiting push give up."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from pipeline_lib.errors import PushBusyError, PushPreemptedError
from pipeline_lib.serving.base_path.bases import VersionBase
from pipeline_lib.serving.base_path.places import open_base
from pipeline_lib.serving.fleet.control import Control, Reloading, control_of
from pipeline_lib.serving.fleet.replicas import Fleet, open_fleet
from pipeline_lib.settings import ServingSettings

_SLICE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A base path under its lock.

    Attributes:
        name: Of the model.
        silent: Replicas that do not answer, and that an urgent change goes on without.
    """

    name: str
    base: VersionBase
    fleet: Fleet
    control: Control
    watch: "Watchdog"
    silent: tuple[str, ...] = ()


class Watchdog:
    """Looks, every second or so, whether the one who waits for the servers should go on waiting."""

    def __init__(self, base: VersionBase, *, makes_way: bool) -> None:
        self._base, self._makes_way = base, makes_way
        self._looked = 0.0

    def __call__(self) -> None:
        """Look.

        Raises:
            PushPreemptedError: Somebody waits who must not wait.
            PushBusyError: The lock is not ours any more.
        """
        if time.monotonic() - self._looked < _SLICE_SECONDS / 2:
            return
        self._looked = time.monotonic()
        self._base.require_lock()
        if self._makes_way and self._base.asked_to_make_way():
            raise PushPreemptedError(
                "this push made way for a rollback or a promotion",
                at=self._base.uri,
                fix="look at `pipeline serving history`, then run again",
            )


@contextmanager
def opened_target(
    base: VersionBase, name: str, settings: ServingSettings, *, wait_seconds: float, urgent: bool
) -> Iterator[Opened]:
    """Connect to the servers and take the lock.

    Args:
        base: Of the model.
        name: Of the model.
        settings: Of the profile.
        wait_seconds: How long to wait for another change to end.
        urgent: Whether a push that waits for servers must make way, and replicas that do not answer are left
            out: they find the right version on the base path when they start again.

    Raises:
        PushBusyError: Another change did not end in time.
    """
    with ExitStack() as stack:
        fleet = stack.enter_context(open_fleet(settings))
        silent: list[str] = []
        if urgent:
            fleet, silent = fleet.answering(name)
        control = control_of(name, fleet, settings)
        bases = [base]
        if isinstance(control, Reloading):  # a reload names all models of the servers
            bases.insert(0, open_base(settings.base_path))
        for one in bases:
            stack.enter_context(_locked(one, wait_seconds, urgent=urgent))
        watch = Watchdog(bases[0], makes_way=not urgent)
        yield Opened(name=name, base=base, fleet=fleet, control=control, watch=watch, silent=tuple(silent))


@contextmanager
def _locked(base: VersionBase, wait_seconds: float, *, urgent: bool) -> Iterator[None]:
    """Hold a lock; an urgent change asks its holder to make way, again and again: who begins forgets it."""
    deadline = time.monotonic() + wait_seconds
    with ExitStack() as stack:
        while True:
            if urgent:
                base.ask_to_make_way(asked=True)
            try:
                stack.enter_context(base.locked(_SLICE_SECONDS if urgent else wait_seconds))
                break
            except PushBusyError:
                if not urgent or time.monotonic() > deadline:
                    raise
        base.ask_to_make_way(asked=False)
        yield
