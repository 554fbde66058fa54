"""`infer_schema` and `validate_examples`: what stops a run, what is waived, what is compared."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from pipeline_components.errors import (
    AnomaliesFoundError,
    ComparatorError,
    EnvironmentNotFoundError,
    FeatureNotFoundError,
    SplitNotFoundError,
)
from pipeline_components.schema import import_schema, infer_schema
from pipeline_components.schema_files import read_schema
from pipeline_components.statistics import compute_statistics
from pipeline_components.validate import validate_examples
from pipeline_lib import Examples, ExampleStatistics, Schema, workspace
from pipeline_lib.artifacts.workspace import Workspace, use_workspace

Describe = Callable[..., ExampleStatistics]


@pytest.fixture(scope="module")
def describe(tmp_path_factory: pytest.TempPathFactory) -> Describe:
    """Statistics of columns, each split the same rows unless given its own."""

    def run(*, splits: tuple[str, ...] = ("train", "eval"), **columns: list[object]) -> ExampleStatistics:
        folder = tmp_path_factory.mktemp("examples")
        for split in splits:
            (folder / f"Split-{split}").mkdir()
            pq.write_table(pa.table(columns), f"{folder}/Split-{split}/0.parquet")
        examples = Examples.at(folder, span=3, split_names=list(splits), rows=dict.fromkeys(splits, 1))
        with workspace(tmp_path_factory.mktemp("statistics")):
            return compute_statistics.run(examples)

    return run


CARRIER = ["AA", "UA"] * 50
FARE = [float(i) for i in range(100)]


@pytest.fixture(scope="module")
def good(describe: Describe) -> ExampleStatistics:
    return describe(carrier=CARRIER, fare=FARE)


@pytest.fixture(scope="module")
def schema(good: ExampleStatistics, tmp_path_factory: pytest.TempPathFactory) -> Schema:
    with workspace(tmp_path_factory.mktemp("schema")):
        return infer_schema.run(good)


@pytest.fixture(scope="module")
def other(describe: Describe) -> ExampleStatistics:
    """Another carrier, dearer fares, and one column is gone."""
    return describe(carrier=[*["AA"] * 50, *["ZZ"] * 50], fare=[f * 10 for f in FARE])


@pytest.fixture(autouse=True)
def _staging(tmp_path: Path) -> Iterator[None]:
    with workspace(tmp_path / "staging"):
        yield


def test_good_data_passes(good: ExampleStatistics, schema: Schema) -> None:
    anomalies = validate_examples.run(good, schema)
    assert (anomalies.blessed, anomalies.span, anomalies.split_names) == (
        {"train": 1, "eval": 1}, 3, ["train", "eval"],
    )  # fmt: skip
    assert "no anomalies" in (anomalies.path / "report.html").read_text()


def test_anomalies_stop_the_run_and_are_named(other: ExampleStatistics, schema: Schema) -> None:
    with pytest.raises(AnomaliesFoundError, match="2 anomalies in carrier") as caught:
        validate_examples.run(other, schema)
    assert caught.value.facts["anomalies"].startswith(
        "train: carrier: Unexpected string values (ENUM_TYPE_UNEXPECTED_STRING_VALUES). "
        "Examples contain values missing from the schema: ZZ"
    )
    assert 'waive=["carrier:ENUM_TYPE_UNEXPECTED_STRING_VALUES"]' in caught.value.fix


def test_the_report_outlives_the_failure(other: ExampleStatistics, schema: Schema, tmp_path: Path) -> None:
    """The launcher throws the outputs of a failed execution away, and names where files are kept."""
    space = Workspace(staging=tmp_path / "staging", kept=tmp_path / "logs/validate_examples")
    with use_workspace(space), pytest.raises(AnomaliesFoundError, match="in carrier") as caught:
        validate_examples.run(other, schema)
    kept = tmp_path / "logs/validate_examples.report.html"
    assert caught.value.facts["report"] == str(kept)
    assert "2 anomalies" in kept.read_text()


@pytest.mark.parametrize("waiver", ["carrier", "carrier:ENUM_TYPE_UNEXPECTED_STRING_VALUES"])
def test_a_waived_anomaly_stays_in_the_artifact(
    other: ExampleStatistics, schema: Schema, waiver: str
) -> None:
    anomalies = validate_examples.run(other, schema, waive=[waiver, "nothing"])
    assert anomalies.blessed == {"train": 1, "eval": 1}
    proto = anomalies_pb2.Anomalies.FromString((anomalies.split_path("eval") / "SchemaDiff.pb").read_bytes())
    assert list(proto.anomaly_info) == ["carrier"]
    page = (anomalies.path / "report.html").read_text()
    assert "waived</span>" in page
    assert "Waived, but not found: nothing." in page


def test_another_anomaly_of_the_same_feature_is_not_waived(other: ExampleStatistics, schema: Schema) -> None:
    with pytest.raises(AnomaliesFoundError, match="in carrier"):
        validate_examples.run(other, schema, waive=["carrier:FEATURE_TYPE_LOW_NUMBER_PRESENT"])


def test_anomalies_may_be_recorded_for_the_pipeline_to_decide(
    other: ExampleStatistics, schema: Schema
) -> None:
    anomalies = validate_examples.run(other, schema, on_anomaly="record", exclude_splits=["eval"])
    assert anomalies.blessed == {"train": 0}
    assert "1 anomaly" in (anomalies.path / "report.html").read_text()


def test_drift_of_text_and_numbers(good: ExampleStatistics, other: ExampleStatistics, schema: Schema) -> None:
    bounds = {"carrier": 0.1, "fare": 0.1}
    with pytest.raises(AnomaliesFoundError, match="in carrier, fare") as caught:
        validate_examples.run(
            other, schema, good, drift=bounds, waive=["carrier:ENUM_TYPE_UNEXPECTED_STRING_VALUES"]
        )
    text = caught.value.facts["anomalies"]
    assert "Linfty distance between current and previous is 0.5" in text
    assert "Jensen-Shannon divergence between current and previous" in text
    anomalies = validate_examples.run(good, schema, good, drift=bounds)
    page = (anomalies.path / "report.html").read_text()
    assert page.count("an earlier span") == 4  # two features, two splits


def test_without_an_earlier_span_drift_is_not_judged_and_said_so(
    good: ExampleStatistics, schema: Schema
) -> None:
    anomalies = validate_examples.run(good, schema, drift={"carrier": 0.0}, skew={"carrier": 0.0})
    page = (anomalies.path / "report.html").read_text()
    assert "Drift was not judged" in page
    assert "Skew was not judged" in page


def test_serving_data_may_have_one_split_of_another_name(
    describe: Describe, other: ExampleStatistics, schema: Schema
) -> None:
    serving = describe(splits=("requests",), carrier=CARRIER, fare=FARE)
    with pytest.raises(AnomaliesFoundError, match="in carrier") as caught:
        validate_examples.run(
            other,
            schema,
            serving=serving,
            skew={"carrier": 0.1},
            waive=["carrier:ENUM_TYPE_UNEXPECTED_STRING_VALUES"],
        )
    assert "training and serving" in caught.value.facts["anomalies"]
    two = describe(splits=("a", "b"), carrier=CARRIER, fare=FARE)
    with pytest.raises(SplitNotFoundError, match="judge skew with have no split train"):
        validate_examples.run(other, schema, serving=two, skew={"carrier": 0.1})


def test_environments_excuse_what_is_not_there_in_them(
    describe: Describe, schema: Schema, tmp_path: Path
) -> None:
    unlabelled = describe(carrier=CARRIER)
    with pytest.raises(AnomaliesFoundError, match="in fare"):
        validate_examples.run(unlabelled, schema)
    proto = read_schema(schema)
    proto.default_environment.extend(["TRAINING", "SERVING"])
    next(f for f in proto.feature if f.name == "fare").not_in_environment.append("SERVING")
    (tmp_path / "schema.pbtxt").write_text(str(proto))
    curated = import_schema.run(source=str(tmp_path / "schema.pbtxt"))
    assert validate_examples.run(unlabelled, curated, environment="SERVING").blessed["train"] == 1
    with pytest.raises(EnvironmentNotFoundError, match="no environment SERVIN") as caught:
        validate_examples.run(unlabelled, curated, environment="SERVIN")
    assert caught.value.fix == "did you mean SERVING?"


@pytest.mark.parametrize("bound", [-0.1, 1.5, float("nan")])
def test_a_threshold_is_a_share(good: ExampleStatistics, schema: Schema, bound: float) -> None:
    from pipeline_components.statistics_files import read_statistics
    from pipeline_components.validate._comparators import with_thresholds

    with pytest.raises(ComparatorError, match="threshold of fare cannot be"):
        with_thresholds(read_schema(schema), {"fare": bound}, "drift", read_statistics(good, "train"))


def test_a_threshold_for_an_unknown_feature(good: ExampleStatistics, schema: Schema) -> None:
    with pytest.raises(FeatureNotFoundError, match="drift names a feature carier") as caught:
        validate_examples.run(good, schema, good, drift={"carier": 0.1})
    assert caught.value.fix == "did you mean carrier?"
