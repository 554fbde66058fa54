"""A small world to evaluate in: synthetic examples, a model that knows something and one that knows less."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_lib import Examples, Model, workspace

ROWS = 2_000


@pytest.fixture(scope="session")
def table() -> pa.Table:
    """Rows with an hour, a city and a signal (sometimes missing), a weight and three labels."""
    random = np.random.default_rng(7)
    hour = random.integers(0, 4, ROWS)
    signal = random.normal(size=ROWS)
    chance = 1 / (1 + np.exp(-(signal + 0.3 * hour - 0.5)))
    late = (random.random(ROWS) < chance).astype(np.int64)
    city = np.array(["Malmö", "Oslo", None], object)[random.integers(0, 3, ROWS)]
    return pa.table(
        {
            "hour": hour,
            "city": pa.array(city.tolist(), pa.string()),
            "signal": pa.array(signal, mask=random.random(ROWS) < 0.05),
            "weight": random.random(ROWS),
            "late": late,
            "minutes": signal * 10 + random.normal(size=ROWS),
            "kind": (hour % 3).astype(np.int64),
        }
    )


@pytest.fixture(scope="session")
def examples(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Two files, three row groups."""
    return write_examples(tmp_path_factory.mktemp("examples"), table)


def write_examples(directory: Path, table: pa.Table, split: str = "eval") -> Examples:
    """A table as an `Examples` artifact with one split."""
    folder = directory / f"Split-{split}"
    folder.mkdir(parents=True)
    half = len(table) // 2
    pq.write_table(table.slice(0, half), folder / "0.parquet", row_group_size=max(half // 2, 1))
    pq.write_table(table.slice(half), folder / "1.parquet")
    return Examples.at(directory, split_names=[split], rows={split: len(table)}, id=11)


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Predicts from the signal and the hour, out of raw columns."""
    return linear_model(tmp_path_factory.mktemp("good"), signal=1.0, hour=0.3)


@pytest.fixture(scope="session")
def poor(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Predicts from the hour alone."""
    return linear_model(tmp_path_factory.mktemp("poor"), signal=0.0, hour=0.3)


def linear_model(directory: Path, *, signal: float, hour: float, missing: float = 0.0) -> Model:
    """A SavedModel with a `columns` signature; `missing` stands in for a missing signal."""
    import tensorflow as tf

    module = tf.Module()

    @tf.function(
        input_signature=[
            {
                "signal": tf.TensorSpec([None, 1], tf.float64, name="signal"),
                "hour": tf.TensorSpec([None, 1], tf.int64, name="hour"),
            }
        ]
    )
    def columns(given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        known = tf.where(tf.math.is_nan(given["signal"]), tf.cast(missing, tf.float64), given["signal"])
        logit = signal * known + hour * tf.cast(given["hour"], tf.float64) - 0.5
        return {"outputs": tf.cast(tf.sigmoid(logit), tf.float32)}

    module.columns = columns
    tf.saved_model.save(module, str(directory / "Format-Serving"), signatures={"columns": columns})
    return Model.at(directory, id=21)


@pytest.fixture
def make_examples(tmp_path: Path) -> Callable[[pa.Table], Examples]:
    """Other examples than the usual ones."""
    return lambda table: write_examples(tmp_path / "examples", table)


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Model]:
    """Other models than the usual ones."""
    return lambda **weights: linear_model(tmp_path / "model", **weights)


@pytest.fixture
def make_classifier(tmp_path: Path) -> Callable[[], Model]:
    """A model of three classes that knows the answer: the hour modulo 3."""

    def make() -> Model:
        import tensorflow as tf

        module = tf.Module()

        @tf.function(input_signature=[{"hour": tf.TensorSpec([None, 1], tf.int64, name="hour")}])
        def columns(given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            return {"probabilities": 0.1 + 0.7 * tf.one_hot(given["hour"][:, 0] % 3, 3)}

        module.columns = columns
        tf.saved_model.save(module, str(tmp_path / "m" / "Format-Serving"), signatures={"columns": columns})
        return Model.at(tmp_path / "m")

    return make


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Path]:
    """Where outputs go."""
    with workspace(tmp_path):
        yield tmp_path
