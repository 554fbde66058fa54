"""Hashes are pinned, even, and blind to what must not move a row."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_components.ingest._hashing import hash_column, hash_rows, hash_text

PINNED = [
    10451216379200822465,
    10905525725756348110,
    0,
    1635312068028924514,
    12035550249420947055,
    7519073657356607332,
    0,
    5699012726746611259,
    3735535502773777389,
    16377164377544641073,
]


def test_pinned_values() -> None:
    """A change here moves rows between train and eval in every pipeline."""
    numbers = hash_column(pa.array([1, 2, None, -5]))
    words = hash_column(pa.array(["", "a", None, "København"]))
    rows = hash_rows(pa.RecordBatch.from_pydict({"n": [1, None], "s": ["a", "b"], "l": [[1, 2], []]}))
    assert [*numbers.tolist(), *words.tolist(), *rows.tolist()] == PINNED


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(pa.array([1, 0, 7], pa.int8()), id="int8"),
        pytest.param(pa.array([1.0, 0.0, 7.0]), id="double"),
        pytest.param(pa.array([1.0, -0.0, 7.0], pa.float32()), id="float-and-minus-zero"),
        pytest.param(pa.chunked_array([[0, 1], [0, 7]]).slice(1).combine_chunks(), id="sliced"),
        pytest.param(pa.array([1, 0, 7]).dictionary_encode(), id="dictionary"),
    ],
)
def test_a_number_is_a_number(same: pa.Array) -> None:
    array = same.chunk(0) if isinstance(same, pa.ChunkedArray) else same
    assert hash_column(array).tolist() == hash_column(pa.array([1, 0, 7])).tolist()


def test_bools_are_numbers() -> None:
    assert hash_column(pa.array([True, False])).tolist() == hash_column(pa.array([1, 0])).tolist()


def test_a_missing_value_makes_a_column_double_and_moves_nothing() -> None:
    assert hash_column(pa.array([1.0, None, 3.0]))[[0, 2]].tolist() == hash_column(pa.array([1, 3])).tolist()


def test_text_and_bytes_are_alike() -> None:
    texts = ["a", "", None, "long " * 50]
    raw = [None if text is None else text.encode() for text in texts]
    assert hash_column(pa.array(texts)).tolist() == hash_column(pa.array(raw)).tolist()
    assert hash_column(pa.array(["x", *texts]))[1:].tolist() == hash_column(pa.array(texts)).tolist()


def test_row_hash_forgets_the_order_of_columns_and_columns_without_values() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", None]})
    other = pa.RecordBatch.from_arrays(
        [batch.column(1), pa.nulls(2, pa.string()), batch.column(0)], names=["b", "new", "a"]
    )
    assert hash_rows(batch).tolist() == hash_rows(other).tolist()


def test_row_hash_tells_columns_apart() -> None:
    one = pa.RecordBatch.from_pydict({"a": [1], "b": [2]})
    two = pa.RecordBatch.from_pydict({"a": [2], "b": [1]})
    assert hash_rows(one).tolist() != hash_rows(two).tolist()


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)), st.integers(0, 20))
def test_chunks_do_not_matter_for_numbers(values: list[int | None], cut: int) -> None:
    array = pa.array(values, pa.int64())
    parts = [hash_column(array.slice(0, cut)), hash_column(array.slice(cut))]
    assert np.concatenate(parts).tolist() == hash_column(array).tolist()


@given(st.lists(st.none() | st.text()), st.integers(0, 20))
def test_chunks_do_not_matter_for_text(values: list[str | None], cut: int) -> None:
    array = pa.array(values, pa.string())
    parts = [hash_column(array.slice(0, cut)), hash_column(array.slice(cut))]
    assert np.concatenate(parts).tolist() == hash_column(array).tolist()


@given(st.lists(st.text(), unique=True, min_size=2, max_size=30))
def test_different_text_has_different_hashes(values: list[str]) -> None:
    assert len(set(hash_column(pa.array(values)).tolist())) == len(values)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(list(range(30_000)), id="numbers-in-a-row"),
        pytest.param([f"user-{i:06d}" for i in range(30_000)], id="numbered-text"),
        pytest.param([i / 7 for i in range(30_000)], id="fractions"),
        pytest.param(
            [str(datetime.date(1950, 1, 1) + datetime.timedelta(i)) for i in range(30_000)], id="dates"
        ),
    ],
)
def test_thirds_are_thirds(values: list[object]) -> None:
    shares = np.bincount((hash_column(pa.array(values)) % np.uint64(3)).astype(int)) / len(values)
    assert np.abs(shares - 1 / 3).max() < 0.01  # 3.7 standard deviations


def test_text_hash_is_that_of_a_column() -> None:
    assert hash_text("a") == hash_text("a") != hash_text("b")
