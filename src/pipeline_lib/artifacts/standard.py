"""TFX's artifact types, under TFX's names and with TFX's properties, so that its tools read our store."""

from pathlib import Path

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
    """

    span: int = 0
    version: int = 0
    split_names: list[str]
    rows: dict[str, int] = later()


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
    """

    metrics: dict[str, float] = {}
    baseline_metrics: dict[str, float] = {}


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
    """Whether a server can load and answer with a model: `INFRA_BLESSED` or `INFRA_NOT_BLESSED`."""

    blessed: bool = later()
    has_model: bool = False


class PushedModel(Artifact, base_type="Model", declared=()):
    """An archived copy of what was pushed.

    Attributes:
        pushed: Whether it was; an unblessed model is not.
        pushed_destination: The directory it was pushed to, version included.
        pushed_version: The integer version, as text.
        reason: Why it was not pushed, if it was not.
    """

    pushed: bool = later()
    pushed_destination: str | None = None
    pushed_version: str | None = None
    reason: str | None = None


class InferenceResult(Artifact, declared=()):
    """Predictions over examples."""
