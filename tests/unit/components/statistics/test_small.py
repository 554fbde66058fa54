"""Statistics without Beam are those that TFDV computes on Beam."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_components import threads
from pipeline_components.statistics import _small, compute_statistics
from pipeline_components.statistics_files import STATISTICS_FILE, read_statistics
from pipeline_lib import Examples, ExampleStatistics, Schema, workspace
from pipeline_lib.beam.sources import row_groups

ROWS = 3_000


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Numbers, categories, texts, lists and gaps, in row groups of 700."""
    folder = tmp_path_factory.mktemp("examples")
    table = pa.table(
        {
            "n": pa.array([None if i < 300 else math.isqrt(i) for i in range(ROWS)], pa.int64()),
            "d": [float("nan") if i % 97 == 0 else i / 2 for i in range(ROWS)],
            "s": [f"word {i * 31 % 50}" for i in range(ROWS)],
            "l": [[i, i + 1][: i % 3] for i in range(ROWS)],
            "empty": pa.nulls(ROWS, pa.string()),
            "w": [float(i % 4) for i in range(ROWS)],
        }
    )
    (folder / "Split-train").mkdir()
    pq.write_table(table, folder / "Split-train/0.parquet", row_group_size=700)
    return Examples.at(folder, split_names=["train"], rows={"train": ROWS})


@pytest.fixture(autouse=True)
def _staging(tmp_path: Path) -> Iterator[None]:
    with workspace(tmp_path / "staging"):
        yield


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/schema.pbtxt").write_text(
        'feature { name: "n" type: INT int_domain { is_categorical: true } }\n'
        'feature { name: "s" type: BYTES }\n'
    )
    return Schema.at(tmp_path / "schema")


def rounded(statistics: ExampleStatistics) -> str:
    """As text; Beam merges in another order, so the last bits of a mean may differ (and so may ties of
    frequent values: there are none in `n`)."""
    text = str(read_statistics(statistics, "train"))
    return re.sub(r"\d+\.\d+", lambda found: f"{float(found[0]):.12g}", text)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="all"),
        pytest.param({"weight": "w"}, id="weighted"),
        pytest.param({"features": ["s", "n"]}, id="some"),
        pytest.param({"histogram_buckets": 4, "top_values": 3}, id="sizes"),
        pytest.param({"schema": True}, id="schema"),
    ],
)
def test_same_as_on_beam(
    examples: Examples, schema: Schema, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {key: value for key, value in options.items() if key != "schema"}
    wired = [schema] if "schema" in options else []
    here = compute_statistics.run(examples, *wired, **given)
    monkeypatch.setattr(_small, "MOST_CELLS", 0)
    on_beam = compute_statistics.run(examples, *wired, **given)
    assert rounded(here) == rounded(on_beam)


def test_the_same_bytes_however_many_cores_there_are(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = set()
    for count in (1, 2, 4):
        monkeypatch.setattr(threads, "cores", lambda count=count: count)
        found.add((compute_statistics.run(examples).split_path("train") / STATISTICS_FILE).read_bytes())
    assert len(found) == 1


def test_much_data_goes_to_beam(examples: Examples) -> None:
    items = row_groups(examples.split_uri("train"))
    assert _small.is_small(items, 6)
    assert not _small.is_small(items, _small.MOST_CELLS // ROWS + 1)
