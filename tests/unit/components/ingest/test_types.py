"""Settling types: the widest of all, whatever the order in which they are seen."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_components.errors import SourceTypeError
from pipeline_components.ingest._types import Widest, as_schema, conform, widen

PLAIN = [pa.null(), pa.int64(), pa.float32(), pa.float64(), pa.string()]
TYPES = st.sampled_from([*PLAIN, *(pa.list_(held) for held in PLAIN)])


@given(TYPES, TYPES, TYPES)
def test_the_order_of_files_does_not_matter(a: pa.DataType, b: pa.DataType, c: pa.DataType) -> None:
    assert widen(a, b) == widen(b, a)
    assert widen(widen(a, b), c) == widen(a, widen(b, c))
    assert widen(a, a) == a


def test_bytes_and_numbers_have_nothing_in_common() -> None:
    with pytest.raises(SourceTypeError, match="binary in one place and int64 in another"):
        widen(pa.binary(), pa.int64())


def test_a_column_whose_types_have_nothing_in_common_names_both_places() -> None:
    found = Widest()
    found.add({"a": pa.null()}, at="no values")
    found.add({"a": pa.int64()}, at="numbers")
    found.add({"a": pa.null()}, at="none again")
    with pytest.raises(SourceTypeError, match="column a is binary here, and int64 elsewhere") as caught:
        found.add({"a": pa.binary()}, at="bytes")
    assert (caught.value.at, caught.value.facts["elsewhere"]) == ("bytes", "numbers")


def test_columns_keep_the_order_in_which_they_were_seen() -> None:
    found = Widest()
    found.add({"b": pa.int64(), "a": pa.null()}, at="x")
    found.add({"c": pa.string(), "b": pa.float64()}, at="y")
    assert as_schema(found.types) == pa.schema([("b", pa.float64()), ("a", pa.string()), ("c", pa.string())])


def test_single_values_become_lists_of_one() -> None:
    batch = pa.RecordBatch.from_pydict({"a": pa.array([1, None], pa.int64())})
    lists = conform(batch, pa.schema([("a", pa.list_(pa.int64())), ("new", pa.string())]))
    assert lists.to_pydict() == {"a": [[1], None], "new": [None, None]}


def test_a_value_that_does_not_fit_names_its_column() -> None:
    batch = pa.RecordBatch.from_pydict({"a": ["x"]})
    with pytest.raises(SourceTypeError, match="column a has values that are no int64"):
        conform(batch, pa.schema([("a", pa.int64())]))
