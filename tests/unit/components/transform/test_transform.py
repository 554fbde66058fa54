"""`transform`: TFT over Parquet, one set of examples out for each in, and errors that name the place."""

import textwrap
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_components.errors import (
    ColumnTypeError,
    NothingToAnalyseError,
    PreprocessingFailedError,
    PreprocessingMissingError,
    RequiredColumnError,
)
from pipeline_components.transform import Transformed, transform
from pipeline_lib import Examples, Schema, TransformCache, UserModule, workspace
from pipeline_lib.artifacts.workspace import Workspace, use_workspace

SCHEMA = """
feature { name: "distance" type: FLOAT presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "carrier" type: BYTES presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "delay" type: INT value_count { min: 1 max: 1 } presence { min_count: 1 } }
feature { name: "tags" type: BYTES value_count { min: 1 } presence { min_count: 1 } }
"""
MODULE = """
import tensorflow as tf
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    given = inputs["delay"]
    column = tf.SparseTensor(given.indices, given.values, [given.dense_shape[0], 1])
    delay = tf.squeeze(tf.sparse.to_dense(column, -1), 1)
    return {
        "distance_z": tft.scale_to_z_score(inputs["distance"]),
        "carrier_id": tft.compute_and_apply_vocabulary(inputs["carrier"]),
        "delay": delay,
        "pair": tf.concat([inputs["distance"], inputs["distance"]], 1),
        "tags": inputs["tags"],
        "text": tf.squeeze(inputs["carrier"], 1),
    }
"""


def rows(first: int, count: int) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table(
        {
            "distance": pa.array([float(n) for n in numbers], pa.float64()),
            "carrier": pa.array(["é" if n % 3 else "B" for n in numbers]),
            "delay": pa.array([None if n % 4 == 0 else n for n in numbers], pa.int64()),
            "tags": pa.array([[f"t{i}" for i in range(n % 3)] for n in numbers], pa.list_(pa.string())),
            "unused": pa.array(["x"] * count),
        }
    )


def examples(folder: Path, *, span: int = 0, **splits: pa.Table) -> Examples:
    made = Examples.at(folder / f"examples-{span}", span=span, version=2, split_names=list(splits))
    for split, table in splits.items():
        made_in = folder / f"examples-{span}" / f"Split-{split}"
        made_in.mkdir(parents=True)
        pq.write_table(table, made_in / "0.parquet", row_group_size=10)
    return made


def schema(folder: Path, text: str = SCHEMA) -> Schema:
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.pbtxt").write_text(text)
    return Schema.at(folder / "schema")


def module(folder: Path, source: str = MODULE) -> UserModule:
    file = folder / "features.py"
    file.write_text(textwrap.dedent(source))
    return UserModule(str(file))


def read(given: Examples, split: str) -> dict[str, list[object]]:
    files = sorted(given.split_path(split).glob("*.parquet"))
    return pa.concat_tables([pq.read_table(file) for file in files]).to_pydict()


@pytest.fixture(scope="module")
def two_spans(tmp_path_factory: pytest.TempPathFactory) -> Transformed:
    folder = tmp_path_factory.mktemp("two_spans")
    given = [
        examples(folder, span=1, train=rows(0, 25), eval=rows(100, 7)),
        examples(folder, span=2, train=rows(25, 15), eval=rows(0, 0)),
    ]
    with workspace(folder / "out"):
        return transform.run(given, schema(folder), module=module(folder))


def test_each_input_has_its_output(two_spans: Transformed) -> None:
    first, second = two_spans.transformed_examples
    assert [(made.span, made.version, made.split_names) for made in (first, second)] == [
        (1, 2, ["train", "eval"]),
        (2, 2, ["train", "eval"]),
    ]
    assert (first.rows, second.rows) == ({"train": 25, "eval": 7}, {"train": 15, "eval": 0})
    assert two_spans.analyzer_cache is None


def test_a_shared_place_changes_nothing(two_spans: Transformed, tmp_path: Path) -> None:
    """Rows, graph and cache go by way of it, and the known cache to it."""
    given = [
        examples(tmp_path, span=1, train=rows(0, 25), eval=rows(100, 7)),
        examples(tmp_path, span=2, train=rows(25, 15), eval=rows(0, 0)),
    ]
    space = Workspace(staging=tmp_path / "staging", beam={"shared": str(tmp_path / "shared")})
    with use_workspace(space):
        known = transform.run(
            given[:1], schema(tmp_path), module=module(tmp_path), use_analyzer_cache=True
        ).analyzer_cache
        made = transform.run(
            given,
            Schema.at(tmp_path / "schema"),
            known,
            module=UserModule(str(tmp_path / "features.py")),
            use_analyzer_cache=True,
        )
    for here, there in zip(two_spans.transformed_examples, made.transformed_examples, strict=True):
        for split in ("train", "eval"):
            assert read(here, split) == read(there, split)
    assert list((tmp_path / "shared").iterdir()) == []


def test_rows_keep_their_order_and_place(two_spans: Transformed) -> None:
    first, second = two_spans.transformed_examples
    delays = [-1 if n % 4 == 0 else n for n in range(25)]
    assert read(first, "train")["delay"] == delays
    assert read(first, "eval")["delay"] == [-1 if n % 4 == 0 else n for n in range(100, 107)]
    assert read(second, "train")["delay"] == [-1 if n % 4 == 0 else n for n in range(25, 40)]


def test_analysis_sees_every_train_split_and_nothing_else(two_spans: Transformed) -> None:
    scaled = read(two_spans.transformed_examples[0], "train")["distance_z"]
    mean, deviation = 19.5, (sum((n - 19.5) ** 2 for n in range(40)) / 40) ** 0.5
    assert scaled == pytest.approx([(n - mean) / deviation for n in range(25)], abs=1e-5)


def test_columns_are_plain_where_each_row_has_one_value(two_spans: Transformed) -> None:
    file = next(two_spans.transformed_examples[0].split_path("train").glob("*.parquet"))
    kinds = {field.name: field.type for field in pq.read_schema(file)}
    assert kinds == {
        "distance_z": pa.float32(),
        "carrier_id": pa.int64(),
        "delay": pa.int64(),
        "pair": pa.list_(pa.float32()),
        "tags": pa.list_(pa.binary()),
        "text": pa.binary(),
    }
    assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"


def test_lists_and_text_survive(two_spans: Transformed) -> None:
    table = read(two_spans.transformed_examples[0], "train")
    assert table["tags"][:4] == [[], [b"t0"], [b"t0", b"t1"], []]
    assert table["pair"][7] == [7.0, 7.0]
    assert table["text"][1] == "é".encode()


def test_an_empty_split_still_has_its_columns(two_spans: Transformed) -> None:
    assert read(two_spans.transformed_examples[1], "eval")["delay"] == []


def test_the_graph_knows_the_raw_features(two_spans: Transformed) -> None:
    import tensorflow_transform as tft

    graph = tft.TFTransformOutput(str(two_spans.transform_graph.path))
    assert set(graph.raw_feature_spec()) == {"distance", "carrier", "delay", "tags"}
    assert graph.vocabulary_size_by_name("vocab_compute_and_apply_vocabulary_vocabulary") == 2


def test_nothing_else_is_left_in_staging(two_spans: Transformed) -> None:
    staging = two_spans.transform_graph.path.parent
    assert sorted(path.name.split("-")[0] for path in staging.iterdir()) == ["Examples"] * 2 + [
        "TransformGraph"
    ]
    assert not list(staging.rglob("*.partial"))


def test_the_graph_names_no_place_of_this_machine(two_spans: Transformed) -> None:
    saved = (two_spans.transform_graph.path / "transform_fn" / "saved_model.pb").read_bytes()
    assert str(two_spans.transform_graph.path.parent).encode() not in saved


def test_the_analyzer_cache_is_exact_and_spares_known_inputs(tmp_path: Path) -> None:
    spans = [examples(tmp_path, span=n, train=rows(20 * n, 20)) for n in (1, 2, 3)]
    source = """
    import tensorflow_transform as tft
    def preprocessing_fn(inputs):
        return {"share": inputs["distance"] / tft.max(inputs["distance"])}
    """
    wanted, user = schema(tmp_path), module(tmp_path, source)
    with workspace(tmp_path / "out"):
        first = transform.run(spans[:2], wanted, module=user, use_analyzer_cache=True)
        assert isinstance(first.analyzer_cache, TransformCache)
        cached = transform.run(spans[1:], wanted, first.analyzer_cache, module=user, use_analyzer_cache=True)
        plain = transform.run(spans[1:], wanted, module=user)
    assert cached.analyzer_cache is not None
    assert len(list(cached.analyzer_cache.path.iterdir())) == 2, "an input out of the window is dropped"
    for with_cache, without in zip(cached.transformed_examples, plain.transformed_examples, strict=True):
        assert read(with_cache, "train") == read(without, "train")


def test_custom_config_reaches_the_function(tmp_path: Path) -> None:
    source = """
    def preprocessing_fn(inputs, custom_config):
        return {"scaled": inputs["distance"] * custom_config["factor"]}
    """
    given = [examples(tmp_path, train=rows(0, 3))]
    with workspace(tmp_path / "out"):
        made = transform.run(
            given, schema(tmp_path), module=module(tmp_path, source), custom_config={"factor": 10.0}
        )
    assert read(made.transformed_examples[0], "train")["scaled"] == [0.0, 10.0, 20.0]


@pytest.mark.parametrize(
    ("source", "error", "match"),
    [
        pytest.param("x = 1", PreprocessingMissingError, "no function preprocessing_fn", id="absent"),
        pytest.param(
            "def preprocessing_fn(a, b, c): ...", PreprocessingMissingError, "custom_config", id="arguments"
        ),
        pytest.param(
            "def preprocessing_fn(inputs):\n    return None", PreprocessingFailedError, "dict", id="none"
        ),
        pytest.param(
            "def preprocessing_fn(inputs):\n    return {'x': inputs['nope']}",
            PreprocessingFailedError,
            r"(?s)raised KeyError.*no input 'nope'.*features\.py:2",
            id="unknown-feature",
        ),
        pytest.param(
            "def inner(x):\n    return 1 / 0\ndef preprocessing_fn(inputs):\n    return {'x': inner(inputs)}",
            PreprocessingFailedError,
            r"(?s)ZeroDivisionError.*features\.py:2",
            id="innermost-line",
        ),
    ],
)
def test_a_faulty_module_is_named(tmp_path: Path, source: str, error: type[Exception], match: str) -> None:
    given = [examples(tmp_path, train=rows(0, 3))]
    with workspace(tmp_path / "out"), pytest.raises(error, match=match):
        transform.run(given, schema(tmp_path), module=module(tmp_path, source))


@pytest.mark.parametrize(
    ("table", "error", "match"),
    [
        pytest.param(rows(0, 3).drop(["carrier"]), RequiredColumnError, "carrier", id="missing"),
        pytest.param(
            rows(0, 3).set_column(0, "distance", pa.array(["a", "b", "c"])),
            ColumnTypeError,
            r"(?s)distance.*needs: +float.*got: +string",
            id="text-for-number",
        ),
        pytest.param(
            rows(0, 3).set_column(2, "delay", pa.array([1.5, 2.0, 3.0])),
            ColumnTypeError,
            "delay",
            id="fraction",
        ),
    ],
)
def test_data_that_does_not_fit_the_schema_is_named(
    tmp_path: Path, table: pa.Table, error: type[Exception], match: str
) -> None:
    given = [examples(tmp_path, train=table)]
    with workspace(tmp_path / "out"), pytest.raises(error, match=match):
        transform.run(given, schema(tmp_path), module=module(tmp_path))


def test_an_optional_column_may_be_absent(tmp_path: Path) -> None:
    given = [examples(tmp_path, train=rows(1, 3).drop(["delay"]))]
    with workspace(tmp_path / "out"):
        made = transform.run(given, schema(tmp_path), module=module(tmp_path))
    assert read(made.transformed_examples[0], "train")["delay"] == [-1, -1, -1]


def test_a_split_without_rows_cannot_be_analysed(tmp_path: Path) -> None:
    given = [examples(tmp_path, train=rows(0, 0), eval=rows(0, 3))]
    with workspace(tmp_path / "out"), pytest.raises(NothingToAnalyseError, match="analyse_splits"):
        transform.run(given, schema(tmp_path), module=module(tmp_path))
