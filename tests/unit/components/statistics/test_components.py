"""`compute_statistics`: right numbers, same bytes every time, a page that needs nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_components.errors import MissingColumnError, SplitNotFoundError, StatisticsError
from pipeline_components.statistics import compute_statistics
from pipeline_components.statistics_files import STATISTICS_FILE, read_statistics
from pipeline_lib import Examples, ExampleStatistics, Schema, workspace
from pipeline_lib.artifacts.workspace import Workspace, use_workspace
from pipeline_lib.errors import NoParquetFilesError

ROWS = 1_000


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Two splits; the second has two files of several row groups."""
    folder = tmp_path_factory.mktemp("examples")
    table = pa.table(
        {
            "n": pa.array([None if i % 10 == 0 else i for i in range(ROWS)], pa.int64()),
            "d": [i / 2 for i in range(ROWS)],
            "s": ["<b>" if i % 3 else "rare & odd" for i in range(ROWS)],
            "empty": pa.nulls(ROWS, pa.string()),
            "w": [float(i % 2) for i in range(ROWS)],
        }
    )
    for name, part, size in (
        ("train/a", table, 300),
        ("eval/a", table.slice(0, 10), 4),
        ("eval/b", table.slice(10, 10), 9),
    ):
        split, file = name.split("/")
        (folder / f"Split-{split}").mkdir(exist_ok=True)
        pq.write_table(part, f"{folder}/Split-{split}/{file}.parquet", row_group_size=size)
    return Examples.at(folder, span=15_870, split_names=["train", "eval"], rows={"train": ROWS, "eval": 20})


@pytest.fixture(autouse=True)
def _staging(tmp_path: Path) -> Iterator[None]:
    with workspace(tmp_path / "staging"):
        yield


@pytest.fixture(scope="module")
def statistics(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> ExampleStatistics:
    with workspace(tmp_path_factory.mktemp("statistics")):
        return compute_statistics.run(examples)


def _feature(statistics: ExampleStatistics, split: str, name: str) -> Any:
    (dataset,) = read_statistics(statistics, split).datasets
    return {".".join(feature.path.step): feature for feature in dataset.features}[name]


def test_every_split_is_described(statistics: ExampleStatistics) -> None:
    assert (statistics.span, statistics.split_names) == (15_870, ["train", "eval"])
    counts = {
        split: read_statistics(statistics, split).datasets[0].num_examples for split in ("train", "eval")
    }
    assert counts == {"train": ROWS, "eval": 20}


def test_numbers_are_right(statistics: ExampleStatistics) -> None:
    described = _feature(statistics, "train", "n").num_stats
    present = [i for i in range(ROWS) if i % 10]
    assert described.common_stats.num_missing == ROWS / 10
    assert described.mean == pytest.approx(sum(present) / len(present))
    assert (described.min, described.max) == (1, ROWS - 1)
    texts = _feature(statistics, "train", "s").string_stats
    assert {value.value: value.frequency for value in texts.top_values} == {"<b>": 666, "rare & odd": 334}
    assert _feature(statistics, "train", "empty").string_stats.common_stats.num_missing == ROWS


def test_equal_data_gives_equal_bytes(examples: Examples, statistics: ExampleStatistics) -> None:
    again = compute_statistics.run(examples)
    for split in ("train", "eval"):
        one, two = (found.split_path(split) / STATISTICS_FILE for found in (statistics, again))
        assert one.read_bytes() == two.read_bytes()
    assert (statistics.path / "report.html").read_text() == (again.path / "report.html").read_text()


def test_the_report_needs_no_network_and_escapes(statistics: ExampleStatistics) -> None:
    page = (statistics.path / "report.html").read_text()
    assert "span 2013-06-14 ·" in page
    assert re.findall(r"(?:src|href|url)\s*[=(]|https?:|<script", page) == []
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "prefers-color-scheme: dark" in page
    assert page.count("<svg") == 5 * 2


def test_some_splits_and_features_only(examples: Examples) -> None:
    found = compute_statistics.run(examples, exclude_splits=["train"], features=["d"], weight="w")
    assert found.split_names == ["eval"]
    assert _feature(found, "eval", "d").num_stats.weighted_numeric_stats.mean == pytest.approx(5.0)


def test_categories_of_a_schema_are_counted_as_such(examples: Examples, tmp_path: Path) -> None:
    text = 'feature { name: "n" type: INT int_domain { is_categorical: true } }'
    (tmp_path / "schema.pbtxt").write_text(text)
    found = compute_statistics.run(examples, Schema.at(tmp_path), exclude_splits=["train"])
    assert _feature(found, "eval", "n").HasField("string_stats")


def test_a_shared_place_changes_nothing(examples: Examples, tmp_path: Path) -> None:
    """TFDV samples on Beam only, whose workers may be elsewhere."""
    beside = compute_statistics.run(examples, sample_rate=1.0)
    space = Workspace(staging=tmp_path / "staging", beam={"shared": str(tmp_path / "shared")})
    with use_workspace(space):
        found = compute_statistics.run(examples, sample_rate=1.0)
    for split in ("train", "eval"):
        assert read_statistics(found, split) == read_statistics(beside, split)
    assert list((tmp_path / "shared").iterdir()) == []


def test_what_is_not_there_is_named(examples: Examples) -> None:
    with pytest.raises(SplitNotFoundError, match="no split evil") as caught:
        compute_statistics.run(examples, exclude_splits=["evil"])
    assert caught.value.fix == "did you mean eval?"
    with pytest.raises(SplitNotFoundError, match="no split is left"):
        compute_statistics.run(examples, exclude_splits=["train", "eval"])
    with pytest.raises(MissingColumnError, match="no column x"):
        compute_statistics.run(examples, features=["x"])
    with pytest.raises(StatisticsError, match="refuses an option"):
        compute_statistics.run(examples, sample_rate=2.0)
    with pytest.raises(NoParquetFilesError, match="no Parquet files"):
        compute_statistics.run(Examples.at(examples.path, split_names=["test"], rows={"test": 1}))


def test_statistics_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "Split-train").mkdir()
    (tmp_path / "Split-train" / STATISTICS_FILE).write_bytes(b"\xff\xff")
    for split in ("train", "eval"):
        with pytest.raises(StatisticsError, match=f"of split {split} cannot be read"):
            read_statistics(ExampleStatistics.at(tmp_path), split)
