"""Work on two cores: pieces in threads, results in the order of the pieces, a bounded number in memory.

For calls into pyarrow, numpy and TFDV's kernels, which let go of the interpreter while they count.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_MOST = 4


def cores() -> int:
    """How many threads are worth while: the cores that this process may use, up to four."""
    return min(_MOST, len(os.sched_getaffinity(0)))


def in_order(
    function: Callable[[Piece], Result], pieces: Iterable[Piece], *, at_once: int | None = None
) -> Iterator[Result]:
    """Call a function on every piece, several at a time.

    What it gives depends on the pieces alone, never on how many threads there are. In memory are as many
    pieces or results as there are threads.

    Args:
        function: Called in a thread; what it raises is raised here, in its turn.
        pieces: Taken in this thread.
        at_once: Threads; None: `cores()`.

    Yields:
        The results, in the order of the pieces.
    """
    threads = at_once or cores()
    begun: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            for piece in pieces:
                begun.append(pool.submit(function, piece))
                if len(begun) == threads:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for left in begun:
                left.cancel()
