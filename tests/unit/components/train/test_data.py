"""The data accessor: every row, in the batches asked for, in bounded memory."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio

from pipeline_components.errors import TrainingDataError
from pipeline_components.train import RecordBatchesOptions, TensorFlowDatasetOptions
from pipeline_components.train._columns import columns_of_files
from pipeline_components.train._data import dataset_of, record_batch_factory, tf_dataset_factory


def batches(folder: Path, schema: Any = None, **options: Any) -> list[Any]:
    chosen = TensorFlowDatasetOptions(**{"num_epochs": 1, **options})
    return list(tf_dataset_factory(str(folder / "*.parquet"), chosen, schema))


def values(given: list[Any], name: str = "x") -> list[int]:
    return [int(value) for batch in given for value in batch[name].numpy()]


def test_without_shuffle_rows_come_in_order(parquet: Path) -> None:
    given = batches(parquet, batch_size=300, shuffle=False)
    assert [len(batch["x"]) for batch in given] == [300, 300, 300, 100]
    assert values(given) == list(range(1000))


def test_shuffle_keeps_rows_whole_and_mixes_row_groups(parquet: Path) -> None:
    given = batches(parquet, batch_size=64, shuffle_seed=1, shuffle_buffer_size=400)
    seen = values(given)
    assert sorted(seen) == list(range(1000))
    assert len({value // 100 for value in seen[:64]}) >= 3
    for batch in given:
        assert np.array_equal(batch["y"].numpy(), batch["x"].numpy() / np.float32(2))
        assert batch["s"].numpy()[0].decode() == f"é{batch['x'].numpy()[0]}"


def test_a_seed_repeats_the_order(parquet: Path) -> None:
    first, again, other = (values(batches(parquet, batch_size=50, shuffle_seed=seed)) for seed in (3, 3, 4))
    assert first == again != other


def test_the_final_batch_can_be_dropped(parquet: Path) -> None:
    given = batches(parquet, batch_size=300, drop_final_batch=True)
    assert [len(batch["x"]) for batch in given] == [300, 300, 300]


def test_epochs_follow_without_a_short_batch_between(parquet: Path) -> None:
    given = batches(parquet, batch_size=300, num_epochs=3, shuffle=False)
    assert [len(batch["x"]) for batch in given] == [300] * 10
    assert values(given) == list(range(1000)) * 3


def test_no_number_of_epochs_means_for_ever(parquet: Path) -> None:
    options = TensorFlowDatasetOptions(batch_size=100)
    dataset = tf_dataset_factory([str(parquet / "*.parquet")], options).take(35)
    assert sum(len(batch["x"]) for batch in dataset) == 3500


def test_a_label_is_given_apart(parquet: Path) -> None:
    features, label = batches(parquet, batch_size=10, label_key="y", shuffle=False)[0]
    assert sorted(features) == ["s", "x"]
    assert label.numpy().tolist() == [n / 2 for n in range(10)]


def test_options_of_tfx_bsl_are_taken(parquet: Path) -> None:
    options = tfxio.TensorFlowDatasetOptions(batch_size=250, num_epochs=1)
    assert len(list(tf_dataset_factory([str(parquet / "0.parquet")], options))) == 2


@settings(max_examples=25, deadline=None)
@given(
    groups=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    size=st.integers(1, 50),
    window=st.integers(0, 100),
    epochs=st.integers(1, 3),
    shuffle=st.booleans(),
    drop=st.booleans(),
)
def test_every_row_comes_once_an_epoch(
    tmp_path_factory: pytest.TempPathFactory,
    groups: list[int],
    size: int,
    window: int,
    epochs: int,
    shuffle: bool,
    drop: bool,
) -> None:
    folder = tmp_path_factory.mktemp("groups")
    first = 0
    for number, count in enumerate(groups):
        pq.write_table(pa.table({"x": np.arange(first, first + count)}), folder / f"{number}.parquet")
        first += count
    given = batches(
        folder,
        batch_size=size,
        num_epochs=epochs,
        shuffle=shuffle,
        shuffle_buffer_size=window,
        drop_final_batch=drop,
    )
    sizes = [len(batch["x"]) for batch in given]
    total = epochs * first
    expected = [size] * (total // size) + ([] if drop or total % size == 0 else [total % size])
    assert sizes == expected
    if not drop:
        assert sorted(values(given)) == sorted(list(range(first)) * epochs)


def schema(text: str) -> Any:
    return text_format.Parse(text, schema_pb2.Schema())


def test_a_schema_gives_shapes_and_kinds(tmp_path: Path) -> None:
    columns = {
        "pair": pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], pa.list_(pa.float32())),
        "one": pa.array([1, 2, 3]),
        "maybe": pa.array([None, 5, None], pa.int64()),
        "words": pa.array([["a"], [], ["b", "c"]], pa.list_(pa.string())),
        "ignored": pa.array([0, 0, 0]),
    }
    pq.write_table(pa.table(columns), tmp_path / "0.parquet")
    wanted = schema(
        """
        feature { name: "pair" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 2 } } }
        feature { name: "one" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
        feature { name: "maybe" type: INT }
        feature { name: "words" type: BYTES }
        """
    )
    (batch,) = batches(tmp_path, wanted, batch_size=3, shuffle=False)
    assert sorted(batch) == ["maybe", "one", "pair", "words"]
    assert batch["pair"].shape == (3, 2)
    assert batch["one"].numpy().tolist() == [[1], [2], [3]]
    assert tf.sparse.to_dense(batch["maybe"], -1).numpy().tolist() == [[-1], [5], [-1]]
    assert tf.sparse.to_dense(batch["words"]).numpy().tolist() == [[b"a", b""], [b"", b""], [b"b", b"c"]]


def test_sparse_features_are_shuffled_with_their_rows(tmp_path: Path) -> None:
    lists = [[str(n)] * (n % 4) for n in range(200)]
    pq.write_table(pa.table({"n": np.arange(200), "l": lists}), tmp_path / "0.parquet", row_group_size=30)
    wanted = schema(
        """
        feature { name: "n" type: INT presence { min_fraction: 1 } shape {} }
        feature { name: "l" type: BYTES }
        """
    )
    for batch in batches(tmp_path, wanted, batch_size=17):
        found = tf.RaggedTensor.from_sparse(batch["l"]).to_list()
        assert found == [[str(n).encode()] * (n % 4) for n in batch["n"].numpy().tolist()]


def test_ragged_features_are_cut_into_batches_with_their_label(tmp_path: Path) -> None:
    lists = [list(range(n % 5)) for n in range(100)]
    pq.write_table(pa.table({"n": np.arange(100), "l": lists}), tmp_path / "0.parquet", row_group_size=30)
    wanted = schema(
        """
        feature { name: "n" type: INT presence { min_fraction: 1 } shape {} }
        feature { name: "l" type: INT }
        represent_variable_length_as_ragged: true
        """
    )
    given = batches(tmp_path, wanted, batch_size=30, label_key="n", drop_final_batch=True)
    assert [type(features["l"]) for features, _ in given] == [tf.RaggedTensor] * 3
    for features, label in given:
        assert features["l"].to_list() == [lists[n] for n in label.numpy()]


@pytest.mark.parametrize("name", ["x", "l"], ids=["dense", "sparse"])
def test_a_batch_is_arranged_as_asked_for(tmp_path: Path, name: str) -> None:
    table = pa.table({"x": np.arange(50), "l": [[n] for n in range(50)], "w": np.ones(50, np.float32)})
    pq.write_table(table, tmp_path / "0.parquet")
    columns = [column for column in columns_of_files(table.schema) if column.name in (name, "w")]
    options = TensorFlowDatasetOptions(batch_size=20, num_epochs=1, shuffle=False)
    given = list(
        dataset_of([str(tmp_path / "0.parquet")], columns, options, lambda of: ({"f": of[name]}, of["w"]))
    )
    assert [sorted(features) for features, _ in given] == [["f"]] * 3
    assert [weight.shape.as_list() for _, weight in given] == [[20], [20], [10]]


def test_rows_of_several_words_stay_together(tmp_path: Path) -> None:
    pairs = [[f"a{n}", "b"] for n in range(100)]
    pq.write_table(pa.table({"n": np.arange(100), "pair": pairs}), tmp_path / "0.parquet", row_group_size=30)
    wanted = schema(
        """
        feature { name: "n" type: INT presence { min_fraction: 1 } shape {} }
        feature { name: "pair" type: BYTES presence { min_fraction: 1 } shape { dim { size: 2 } } }
        """
    )
    for batch in batches(tmp_path, wanted, batch_size=16):
        assert batch["pair"].numpy().tolist() == [[f"a{n}".encode(), b"b"] for n in batch["n"].numpy()]


def test_text_that_is_no_text_is_given_as_it_is_written(tmp_path: Path) -> None:
    table = pa.table(
        {
            "day": pa.array([date(2013, 1, 2)]),
            "raw": pa.array([b"\xff\x00"]),
            "code": pa.array(["x"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "0.parquet")
    (batch,) = batches(tmp_path, batch_size=2)
    assert {name: value.numpy().tolist() for name, value in batch.items()} == {
        "day": [b"2013-01-02"],
        "raw": [b"\xff\x00"],
        "code": [b"x"],
    }


def test_the_number_of_rows_in_a_batch_is_open(parquet: Path) -> None:
    options = TensorFlowDatasetOptions(batch_size=10, label_key="y")
    features, label = tf_dataset_factory(str(parquet / "*.parquet"), options).element_spec
    assert features == {"x": tf.TensorSpec([None], tf.int64), "s": tf.TensorSpec([None], tf.string)}
    assert label == tf.TensorSpec([None], tf.float32)


def test_without_a_schema_missing_text_is_empty_and_missing_numbers_nan(tmp_path: Path) -> None:
    table = pa.table({"f": pa.array([1.5, None]), "s": pa.array([None, "a"])})
    pq.write_table(table, tmp_path / "0.parquet")
    (batch,) = batches(tmp_path, batch_size=2, shuffle=False)
    assert batch["s"].numpy().tolist() == [b"", b"a"]
    assert np.array_equal(batch["f"].numpy(), [1.5, np.nan], equal_nan=True)


def test_only_a_window_of_row_groups_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline_components.train import _data

    pq.write_table(pa.table({"x": np.arange(10_000)}), tmp_path / "0.parquet", row_group_size=100)
    held: list[int] = []
    join = _data._Reader._join

    def watched(self: Any, blocks: list[dict[str, Any]]) -> Any:
        held.append(sum(len(block["x"]) for block in blocks))
        return join(self, blocks)

    monkeypatch.setattr(_data._Reader, "_join", watched)
    assert len(values(batches(tmp_path, batch_size=50, shuffle_buffer_size=300))) == 10_000
    assert max(held) <= 400


@pytest.mark.parametrize(
    ("options", "pattern", "match"),
    [
        pytest.param({}, "nothing-*", "no file to read", id="no-files"),
        pytest.param({"label_key": "z"}, "*.parquet", "no label z", id="no-label"),
    ],
)
def test_what_cannot_be_read_is_named(
    parquet: Path, options: dict[str, Any], pattern: str, match: str
) -> None:
    chosen = TensorFlowDatasetOptions(batch_size=10, **options)
    with pytest.raises(TrainingDataError, match=match):
        tf_dataset_factory([str(parquet / pattern)], chosen)


def test_a_column_of_the_schema_must_be_there(parquet: Path) -> None:
    with pytest.raises(TrainingDataError, match="column z of the schema"):
        batches(parquet, schema('feature { name: "z" type: INT }'), batch_size=10)


def test_record_batches(parquet: Path) -> None:
    options = RecordBatchesOptions(batch_size=64, num_epochs=1)
    given = list(record_batch_factory([str(parquet / "*.parquet")], options))
    assert sum(batch.num_rows for batch in given) == 1000
    assert max(batch.num_rows for batch in given) == 64
    assert pa.Table.from_batches(given)["x"].to_pylist() == list(range(1000))
