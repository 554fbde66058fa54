"""A file that is not read far ahead of its rows: pyarrow alone would hold 32 blocks of it in memory."""

import io
import threading
from typing import Any

AHEAD = 8
"""Blocks that may be read and not yet taken as rows."""
_PATIENCE = 0.1


class Paced(io.RawIOBase):
    """Passes blocks on as fast as rows are taken.

    Never for good: a block may give no rows of its own, and a reader that is given up must end. After a
    tenth of a second one more block is passed on.

    Args:
        file: Read in a thread of pyarrow's.
    """

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file, self._ahead, self._room = file, 0, threading.Condition()

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, once there is room for them."""
        with self._room:
            if self._room.wait_for(lambda: self._ahead < AHEAD, _PATIENCE):
                self._ahead += 1
        block: bytes = self._file.read(size)
        return block

    def taken(self) -> None:
        """Rows of one more block were taken."""
        with self._room:
            self._ahead = max(self._ahead - 1, 0)
            self._room.notify()
