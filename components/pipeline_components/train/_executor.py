"""The body of `train`: the user's `run_fn`, or our helper around the user's `build`."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform  # noqa: F401  (makes tf.keras tf_keras, in every process alike)

from pipeline_components.errors import (
    LossNotFiniteError,
    ModelNotWrittenError,
    TrainingDataError,
    TrainingFailedError,
    TrainingModuleError,
)
from pipeline_components.tfx_compat import tfx_names
from pipeline_components.train._autograph import without_converting_tf_keras
from pipeline_components.train._build import FitPlan, fit_and_export
from pipeline_components.train._data import record_batch_factory, tf_dataset_factory
from pipeline_components.train.fn_args import DataAccessor, FnArgs
from pipeline_components.user_modules import load_user_module, shortened, user_line
from pipeline_lib.artifacts import Examples, Model, ModelRun, Schema, TransformGraph
from pipeline_lib.errors import PipelineError

SERVING = "Format-Serving"


def run(
    examples: Sequence[Examples],
    transform_graph: TransformGraph | None,
    schema: Schema | None,
    base_model: Model | None,
    *,
    module: str,
    train_splits: Sequence[str],
    eval_splits: Sequence[str],
    train_steps: int,
    eval_steps: int,
    custom_config: Mapping[str, Any],
    plan: FitPlan,
) -> tuple[Model, ModelRun]:
    """See `pipeline_components.train.train`."""
    user = load_user_module(module)
    model, model_run = Model.new(), ModelRun.new()
    graph_path = str(transform_graph.path) if transform_graph is not None else None
    schema_path = str(schema.path / "schema.pbtxt") if schema is not None else None
    fn_args = FnArgs(
        working_dir=str(model_run.path / "scratch"),
        train_files=split_patterns(examples, train_splits),
        eval_files=split_patterns(examples, eval_splits),
        train_steps=train_steps or None,
        eval_steps=eval_steps or None,
        schema_path=schema_path,
        schema_file=schema_path,
        transform_graph_path=graph_path,
        transform_output=graph_path,
        data_accessor=DataAccessor(tf_dataset_factory, record_batch_factory),
        serving_model_dir=str(model.path / SERVING),
        eval_model_dir=str(model.path / "Format-TFMA"),
        model_run_dir=str(model_run.path),
        base_model=str(base_model.path / SERVING) if base_model is not None else None,
        hyperparameters=dict(plan.hyperparameters) or None,
        custom_config=dict(custom_config),
        num_examples=_rows_by_split(examples),
    )
    with tfx_names(), without_converting_tf_keras(), _telling_the_users_line(user):
        if hasattr(user, "run_fn"):
            user.run_fn(fn_args)
        elif hasattr(user, "build") and hasattr(user, "LABEL"):
            fit_and_export(user, fn_args, plan, base_model.path if base_model is not None else None)
        else:
            raise TrainingModuleError(
                f"{module} says nothing about training",
                needs="run_fn(fn_args), or build(features, hyperparameters) and LABEL",
                at=user.__file__,
                fix="define one of the two",
            )
    _require_model(Path(fn_args.serving_model_dir), user)
    shutil.rmtree(str(fn_args.working_dir), ignore_errors=True)
    return model, model_run


def _require_model(directory: Path, user: ModuleType) -> None:
    """A SavedModel must be there, and its weights must be numbers: a diverged loss leaves NaN in them."""
    if not (directory / "saved_model.pb").is_file():
        raise ModelNotWrittenError(
            "the training code returned without writing a model",
            needs=directory / "saved_model.pb",
            at=user.__file__,
            fix="save it: `export_model(model, fn_args.serving_model_dir, ...)` or `tf.saved_model.save`",
        )
    checkpoint = directory / "variables" / "variables"
    if not checkpoint.with_suffix(".index").is_file():
        return
    reader = tf.train.load_checkpoint(str(checkpoint))
    for name, dtype in reader.get_variable_to_dtype_map().items():
        if dtype.is_floating and np.isnan(reader.get_tensor(name).astype(np.float32)).any():
            raise LossNotFiniteError(
                "the trained model holds NaN, so the loss became NaN",
                variable=name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE"),
                at=user.__file__,
                fix="lower the learning rate, or look for NaN and huge values in the examples",
            )


def split_patterns(examples: Sequence[Examples], splits: Sequence[str]) -> list[str]:
    """Glob patterns of those splits, one per artifact and split that it has.

    Raises:
        TrainingDataError: No artifact has any of the splits.
    """
    patterns = [
        str(given.split_path(split) / "*.parquet")
        for given in examples
        for split in splits
        if split in given.split_names
    ]
    if splits and not patterns:
        raise TrainingDataError(
            f"no examples have a split {' or '.join(splits)}",
            given=", ".join(sorted({split for given in examples for split in given.split_names})),
            fix="name splits that ingest made",
        )
    return patterns


def _rows_by_split(examples: Sequence[Examples]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for given in examples:
        for split, count in given.property_values().get("rows", {}).items():
            rows[split] = rows.get(split, 0) + count
    return rows


@contextmanager
def _telling_the_users_line(user: ModuleType) -> Iterator[None]:
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        raise TrainingFailedError(
            f"the training code raised {type(error).__name__}",
            why=shortened(error),
            at=user_line(error, user),
            fix="mend the module; the log has the whole traceback",
        ) from error
