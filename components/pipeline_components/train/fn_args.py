"""What a user's `run_fn(fn_args)` receives: the names and meanings of TFX's `FnArgs`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class DataAccessor(NamedTuple):
    """How training code reads examples.

    Attributes:
        tf_dataset_factory: `(file_pattern, options, schema=None) -> tf.data.Dataset` of batches, dicts of
            tensors by feature, or `(dict, label)` pairs if `options.label_key` is set.
        record_batch_factory: `(file_pattern, options, schema=None) -> Iterator[pyarrow.RecordBatch]`.
        data_view_decode_fn: None; kept for modules that pass it on.
    """

    tf_dataset_factory: Callable[..., Any]
    record_batch_factory: Callable[..., Any]
    data_view_decode_fn: Callable[..., Any] | None = None


@dataclass(kw_only=True)
class FnArgs:
    """Arguments of `run_fn`. Not frozen, because modules written for TFX may set attributes of theirs.

    Attributes:
        working_dir: A directory for scratch files; thrown away.
        train_files: Glob patterns of the training splits, one per artifact and split.
        eval_files: The same of the evaluation splits.
        train_steps: Training steps to take; None: until the data ends.
        eval_steps: Evaluation steps; None: until the data ends.
        schema_path: `schema.pbtxt` of the raw examples, if a schema is wired.
        schema_file: The same.
        transform_graph_path: Directory of the transform graph, if one is wired.
        transform_output: The same.
        data_accessor: Reads the files that `train_files` and `eval_files` name.
        serving_model_dir: Where the SavedModel must be when `run_fn` returns.
        eval_model_dir: Where a model for TFMA alone may be.
        model_run_dir: TensorBoard logs, checkpoints and other by-products.
        base_model: Directory of the SavedModel to start from, if a base model is wired.
        hyperparameters: What a tuner found best, or None.
        custom_config: What the pipeline gives to `train(custom_config=...)`.
        num_examples: Rows by split, over all artifacts.
    """

    working_dir: str | None = None
    train_files: Sequence[str] = ()
    eval_files: Sequence[str] = ()
    train_steps: int | None = None
    eval_steps: int | None = None
    schema_path: str | None = None
    schema_file: str | None = None
    transform_graph_path: str | None = None
    transform_output: str | None = None
    data_accessor: DataAccessor | None = None
    serving_model_dir: str = ""
    eval_model_dir: str = ""
    model_run_dir: str = ""
    base_model: str | None = None
    hyperparameters: Mapping[str, Any] | None = None
    custom_config: Mapping[str, Any] = field(default_factory=dict)
    num_examples: Mapping[str, int] = field(default_factory=dict)


class TunerFnResult(NamedTuple):
    """What TFX's `tuner_fn` returns: a tuner, and the arguments of its `search`."""

    tuner: Any
    fit_kwargs: Mapping[str, Any]
