"""Runs that want the same result compute it once: the first computes, the others wait and take its result.

The store lets one try at a time claim a cache key (`Store.start`). Who is refused waits for that try, but
no longer than it lives: one whose process died is cleared away, and one that shows no sign of life for the
length of a lease (its process is stopped, its machine asleep) is not waited for. Nobody waits while holding
a claim, so that no two can wait for each other.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline_lib.artifacts.store import ArtifactStore
from pipeline_lib.errors import ClaimedError, ExecutionCanceledError
from pipeline_lib.metadata.records import ORPHANED, NewExecution, State, StoredExecution
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.healing import clear_away, is_dead
from pipeline_lib.runtime.leases import LEASE, last_sign_of_life

_FIRST_LOOK_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0


class LookAgainError(Exception):
    """The try that was waited for has ended: its result may be there, or the turn of the next has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Starts tries when it is their turn.

    Attributes:
        cancel: Ends the waiting.
        tell: Is told what is waited for.
        patience_seconds: How long a try may show no sign of life, by this process's own clock.
    """

    store: Store
    artifacts: ArtifactStore
    cancel: threading.Event
    tell: Callable[[str], None]
    patience_seconds: float = LEASE.total_seconds()

    def start(self, execution: NewExecution, *, claims: bool, seen: int = 0) -> int:
        """Record a try as running; its id.

        Args:
            execution: The try.
            claims: Whether to leave the result to another run that computes it already.
            seen: The newest result of that key which is known and cannot be used.

        Raises:
            LookAgainError: Another run was waited for, and its try has ended; or it has made the result
                between the look-up and now.
            ExecutionCanceledError: Canceled while waiting.
        """
        try:
            execution_id = self.store.start(execution, claims=claims)
        except ClaimedError as error:
            holder = self.store.execution(error.holder)
        else:
            if claims:
                self._require_nothing_new(execution, execution_id, seen)
            return execution_id
        # Tries of one node of one run do not wait for each other: who publishes first has won.
        if holder is not None and holder.key != execution.key and self._should_look_again(holder):
            raise LookAgainError
        return self.store.start(execution)

    def _require_nothing_new(self, execution: NewExecution, execution_id: int, seen: int) -> None:
        """The claim is ours, and may have been another's between the look-up and now."""
        newest = self.store.cache_candidates(execution.cache_key, limit=1)
        if newest and newest[0].id != seen:
            self.store.finish(execution_id, State.CANCELED, {"superseded": True})
            raise LookAgainError

    def _should_look_again(self, holder: StoredExecution) -> bool:
        """Wait for the end of a try; False if the one who waited should compute the result regardless.

        That is so if the try sleeps, and if it failed by itself: else all who wait would fail one by one.
        """
        self.tell(f"run {holder.key.run_id} computes it")
        sign, since = last_sign_of_life(holder.facts), time.monotonic()
        pause = _FIRST_LOOK_SECONDS
        while holder.state is State.RUNNING:
            if is_dead(holder):
                clear_away(self.store, self.artifacts, holder)
                return True
            if self.cancel.wait(pause):
                raise ExecutionCanceledError(
                    f"canceled while run {holder.key.run_id} computed the same result",
                    fix="run the pipeline again; finished nodes are kept",
                )
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            holder = self.store.execution(holder.id) or replace(holder, state=State.CANCELED)
            if last_sign_of_life(holder.facts) != sign:
                sign, since = last_sign_of_life(holder.facts), time.monotonic()
            elif time.monotonic() - since > self.patience_seconds:
                return False
        return holder.state is not State.FAILED or ORPHANED in holder.facts
