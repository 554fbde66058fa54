"""Plain columns and lists of values: the same rows in two forms."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.beam.batches import list_columns, one_array, plain_columns, select
from pipeline_lib.errors import UnsupportedColumnError


def test_lists_have_the_types_that_tfx_reads() -> None:
    batch = list_columns(
        pa.table(
            {
                "i": pa.array([1, None], pa.int8()),
                "b": [True, None],
                "d": [0.5, None],
                "s": ["x", None],
                "many": [[1.5], None],
                "none": pa.nulls(2),
            }
        )
    )
    assert {name: str(held) for name, held in zip(batch.schema.names, batch.schema.types, strict=True)} == {
        "i": "list<item: int64>",
        "b": "list<item: int64>",
        "d": "list<item: float>",
        "s": "list<item: binary>",
        "many": "list<item: float>",
        "none": "list<item: float>",
    }
    assert batch.to_pylist() == [
        {"i": [1], "b": [1], "d": [0.5], "s": [b"x"], "many": [1.5], "none": None},
        dict.fromkeys(batch.schema.names),
    ]


@pytest.mark.parametrize(
    "values",
    [
        st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)).map(lambda v: pa.array(v, pa.int64())),
        st.lists(st.none() | st.text()).map(lambda v: pa.array(v, pa.string())),
        st.lists(st.none() | st.floats(width=32, allow_nan=False)).map(lambda v: pa.array(v, pa.float32())),
    ],
    ids=["int64", "text", "float"],
)
def test_there_and_back(values: st.SearchStrategy[pa.Array]) -> None:
    @given(values, st.integers(0, 3))
    def check(array: pa.Array, skip: int) -> None:
        array = array.slice(skip)
        lists = list_columns(pa.RecordBatch.from_arrays([array], names=["a"]))
        lists.validate(full=True)
        back = one_array(plain_columns(lists)["a"])
        assert back.to_pylist() == array.to_pylist()
        assert back.type == array.type

    check()


def test_longer_lists_stay_lists() -> None:
    rows = pa.RecordBatch.from_pydict({"a": [[1, 2], None, [], [3]], "b": [[b"\xff"], [b"x"], None, []]})
    table = plain_columns(rows)
    assert table.to_pydict() == {"a": [[1, 2], None, [], [3]], "b": [b"\xff", b"x", None, None]}


def test_a_date_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedColumnError, match="column day is of a type"):
        list_columns(pa.table({"day": pa.array([1], pa.date32())}))


def test_select_keeps_the_order_asked_for() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1], "b": [2]})
    assert select(batch, ["b", "a"]).schema.names == ["b", "a"]
    with pytest.raises(KeyError, match="c"):
        select(batch, ["a", "c"])
