"""A file is read as fast as its rows are taken, and never waits for good."""

import io
import threading
import time

import pyarrow.csv as pa_csv
import pytest

from pipeline_components.ingest import _pacing
from pipeline_components.ingest._pacing import AHEAD, Paced

ROWS = b"n\n" + b"".join(b"%07d\n" % i for i in range(100_000))
BLOCK = 1 << 12


class Counting(io.BytesIO):
    blocks = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.blocks += 1
        return super().read(size)


def test_blocks_are_not_read_far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pacing, "_PATIENCE", 60.0)
    counting = Counting(ROWS)
    file = Paced(counting)
    rows = 0
    for taken, batch in enumerate(pa_csv.open_csv(file, pa_csv.ReadOptions(block_size=BLOCK))):
        assert counting.blocks <= taken + AHEAD
        file.taken()
        rows += batch.num_rows
    assert rows == 100_000


def test_who_takes_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pacing, "_PATIENCE", 0.001)
    file = Paced(io.BytesIO(ROWS))
    assert (
        sum(batch.num_rows for batch in pa_csv.open_csv(file, pa_csv.ReadOptions(block_size=BLOCK)))
        == 100_000
    )


def test_a_reader_that_waits_goes_on_when_rows_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pacing, "_PATIENCE", 60.0)
    file = Paced(io.BytesIO(ROWS))
    for _ in range(AHEAD):
        file.read(1)
    waiting = threading.Thread(target=file.read, args=(1,))
    waiting.start()
    time.sleep(0.05)
    assert waiting.is_alive()
    file.taken()
    waiting.join(timeout=30)
    assert not waiting.is_alive()
