"""TFX's artifact types, under TFX's names and with TFX's properties, so that its tools read our store."""

from pathlib import Path
from typing import Any

from pipeline_lib.artifacts.artifact import Artifact, later


class _Splits(Artifact):
    def split_path(self, split: str) -> Path:
        """The local directory of one split, `Split-<name>`."""
        return self.path / f"Split-{split}"

    def split_uri(self, split: str) -> str:
        """The directory of one split as fsspec reads it, for Beam workers."""
        return f"{self.uri}/Split-{split}"


class Examples(_Splits, base_type="Dataset", declared=("span", "version", "split_names")):
    """Rows of data: `Split-<name>/*.parquet`, plain nullable columns.

    Attributes:
        span: Which day or batch the rows are of; for dates, days since 1970-01-01.
        version: Counts re-deliveries of one span, from 0.
        split_names: The splits, in order.
        rows: Number of rows by split.
        columns: Their names, in order; empty where whoever made the rows does not tell.
    """

    span: int = 0
    version: int = 0
    split_names: list[str]
    rows: dict[str, int] = later()
    columns: list[str] = []


class ExampleStatistics(_Splits, base_type="Statistics", declared=("span", "split_names")):
    """TFDV statistics by split: `Split-<name>/FeatureStats.pb`, and `report.html`."""

    span: int = 0
    split_names: list[str]


class Schema(Artifact):
    """A schema of `Examples`: `schema.pbtxt`, tensorflow.metadata.v0.Schema as text."""


class ExampleAnomalies(_Splits, declared=("span", "split_names")):
    """What the schema forbids and the data has: `Split-<name>/SchemaDiff.pb`, and `report.html`.

    Attributes:
        blessed: By split, 1 without anomalies (or with waived ones only), else 0.
    """

    span: int = 0
    split_names: list[str]
    blessed: dict[str, int] = later()


class TransformGraph(Artifact):
    """A fitted TensorFlow Transform graph: `transform_fn/`, `transformed_metadata/`, `metadata/`."""


class TransformCache(Artifact):
    """Results of TFT's analyzers by span, to be merged with those of later spans."""


class Model(Artifact, base_type="Model", declared=()):
    """A trained model: `Format-Serving/` is a SavedModel, `Format-TFMA/` an optional eval model."""


class ModelRun(Artifact):
    """By-products of training: TensorBoard logs, checkpoints, `history.json`."""


class HyperParameters(Artifact):
    """The best hyper-parameters found: `best_hyperparameters.txt`, JSON."""


class TunerResults(Artifact):
    """Every trial of a search: `tuner_results.json`."""


class ModelEvaluation(Artifact, declared=()):
    """TFMA's output: `metrics*`, `plots*`, `validations.tfrecord*`, `eval_config.json`, and `report.html`.

    Attributes:
        metrics: Over all rows, by name.
        baseline_metrics: The same of the model it was compared with; empty without one.
        slice_metrics: The metrics of each slice and the bounds that held for it, one record a slice (below),
            in the report's order: all rows first, then by name. At most 200 slices and 64 KiB of JSON: the
            slices with a missed bound have precedence, then those with bounds, then the largest.
        slices_left_out: How many slices had no room there; the files have them all.

    A record of `slice_metrics` (a key without a value is absent):
        slice: `all rows`, `hour=3, origin=JFK`, or `... against ...` for two slices compared.
        metrics: By metric: `value`, `low` and `high` (the confidence interval), `baseline` (the other model's
            value), `difference` (value minus baseline; of a comparison, one slice's minus the other's).
        bounds: Each `metric`; `of` (`value` or `difference`, what is bounded); `at_least`, `at_most`;
            `ratio_at_least`, `ratio_at_most` (of the difference to the baseline's value); `met` (true, false,
            or null if the slice has no such value).
        error: Why there are no metrics: too few rows, or no such slice in the data.
    """

    metrics: dict[str, float] = {}
    baseline_metrics: dict[str, float] = {}
    slice_metrics: list[dict[str, Any]] = []
    slices_left_out: int = 0


class ModelBlessing(Artifact, declared=()):
    """The verdict on a model: an empty file `BLESSED` or `NOT_BLESSED`, and `reasons.json`.

    Attributes:
        blessed: Whether the model may be pushed.
        outcome: `blessed`, `threshold_missed`, `not_enough_data` or `no_thresholds`.
        current_model: Uri of the model judged.
        current_model_id: Its identity in the metadata store.
        baseline_model: Uri of the model it was compared with, if any.
        baseline_model_id: Its identity.
    """

    blessed: bool = later()
    outcome: str = later()
    current_model: str = later()
    current_model_id: int | None = None
    baseline_model: str | None = None
    baseline_model_id: int | None = None


class InfraBlessing(Artifact, declared=()):
    """Whether a server can load and answer with a model: an empty `INFRA_BLESSED` or `INFRA_NOT_BLESSED`.

    `reasons.json` says why not; `stamped_model/` is the SavedModel with warm-up and golden requests.

    Attributes:
        blessed: Whether the model may be pushed.
        has_model: Whether `stamped_model/` is there.
        reasons: Why it is not blessed.
        load_seconds: Until the server had it AVAILABLE.
        latency_seconds: Of the slowest request of one row.
    """

    blessed: bool = later()
    has_model: bool = False
    reasons: list[str] = []
    load_seconds: float | None = None
    latency_seconds: float | None = None


class PushedModel(Artifact, base_type="Model", declared=()):
    """An archived copy of what was pushed.

    Attributes:
        pushed: Whether it was; an unblessed model is not.
        pushed_destination: The directory it was pushed to, version included.
        pushed_version: The integer version, as text.
        model_name: The model's name in the server.
        live_at: When it went live, ISO 8601 UTC: confirmed by the servers, or renamed if none is known.
        reason: Why it was not pushed, if it was not.
    """

    pushed: bool = later()
    pushed_destination: str | None = None
    pushed_version: str | None = None
    model_name: str | None = None
    live_at: str | None = None
    reason: str | None = None


class InferenceResult(Artifact, declared=()):
    """Predictions over examples."""
