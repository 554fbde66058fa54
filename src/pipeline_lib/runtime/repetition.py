"""Tries of a node: as many as its options allow, with growing pauses between them."""

import threading
from collections.abc import Callable

from pipeline_lib.plan.models import Options
from pipeline_lib.runtime.failures import TryFailedError
from pipeline_lib.runtime.results import NodeResult

_LONGEST_PAUSE_SECONDS = 600.0


def repeated(
    once: Callable[[], NodeResult],
    options: Options,
    *,
    cancel: threading.Event,
    before_sleep: Callable[[], None],
) -> NodeResult:
    """What the first try gives that does not fail, or fails for good.

    Args:
        once: One try.
        options: `retries` and `retry_delay_seconds`, which doubles from pause to pause.
        cancel: Ends a pause.
        before_sleep: Called before each pause.

    Raises:
        TryFailedError: The last try's.
    """
    if not options.retries:  # without what tenacity imports: asyncio, and tornado if it is installed
        return once()
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential
    from tenacity.nap import sleep_using_event

    retrying = Retrying(
        stop=stop_after_attempt(options.retries + 1),
        wait=wait_exponential(multiplier=options.retry_delay_seconds, max=_LONGEST_PAUSE_SECONDS),
        retry=retry_if_exception(lambda error: isinstance(error, TryFailedError) and error.retryable),
        sleep=sleep_using_event(cancel),
        before_sleep=lambda _: before_sleep(),
        reraise=True,
    )
    return retrying(once)
