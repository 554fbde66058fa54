"""The short way to train: the user's `build` makes a Keras 3 model, everything around it is done here."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pyarrow.parquet as pq
import pyarrow_hotfix  # noqa: F401  (closes CVE-2023-47248 of the pinned pyarrow)
import tensorflow as tf

from pipeline_components.errors import TrainingDataError, TrainingModuleError, WarmStartError
from pipeline_components.train._data import dataset_of, matching_files
from pipeline_components.train._export import export, model_inputs
from pipeline_components.train._features import dense_features
from pipeline_components.train.callbacks import ProgressCallback
from pipeline_components.train.dataset_options import TensorFlowDatasetOptions
from pipeline_components.train.fn_args import FnArgs
from pipeline_components.user_modules import user_line

WEIGHTS = "Format-Keras/model.weights.h5"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitPlan:
    """How long and in what portions to train.

    Attributes:
        epochs: Times that progress is told and the evaluation split looked at; steps are spread over them.
        seed: Of weights and order of rows.
    """

    batch_size: int
    epochs: int
    seed: int
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)


def fit_and_export(user: ModuleType, fn_args: FnArgs, plan: FitPlan, base_model: Path | None) -> None:
    """Train what `user.build` makes, and save it with the transform graph inside."""
    keras.utils.set_random_seed(plan.seed)
    label, weight = user.LABEL, getattr(user, "WEIGHT", None)
    columns, others = dense_features(fn_args)
    _require_label(user, label, weight, columns, not_dense=others)
    inputs = {
        name: keras.Input(column.shape or (1,), name=name, dtype=column.dtype.name)
        for name, column in columns.items()
        if name not in (label, weight)
    }
    model = _call_build(user, inputs, plan.hyperparameters, not_dense=others)
    used = [item.name for item in model_inputs(model) or ()]
    started = _warm_start(model, base_model) if base_model is not None else None

    def data(files: Sequence[str], *, train: bool) -> tf.data.Dataset:
        options = TensorFlowDatasetOptions(
            batch_size=plan.batch_size,
            num_epochs=None if train else 1,
            shuffle=train,
            shuffle_seed=plan.seed,
        )
        wanted = [
            replace(columns[name], shape=() if name == weight else columns[name].shape or (1,))
            for name in dict.fromkeys([*used, label, *([weight] if weight else [])])
        ]
        return dataset_of(matching_files(files), wanted, options, _tuples(used, label, weight))

    run_dir = Path(fn_args.model_run_dir)
    progress = ProgressCallback(run_dir / "history.json")
    steps = _steps(fn_args, plan)
    model.fit(
        data(fn_args.train_files, train=True),
        epochs=plan.epochs,
        steps_per_epoch=steps,
        validation_data=data(fn_args.eval_files, train=False).take(fn_args.eval_steps or -1)
        if fn_args.eval_files
        else None,
        callbacks=[
            keras.callbacks.TensorBoard(log_dir=str(run_dir), update_freq="epoch"),
            *_callbacks(user, plan),
            progress,
        ],
        verbose=0,
    )
    _keep(model, Path(fn_args.serving_model_dir).parent / WEIGHTS)
    _note(run_dir, plan, model, steps, started)
    export(
        model,
        Path(fn_args.serving_model_dir),
        transform_graph=fn_args.transform_graph_path,
        schema=fn_args.schema_path,
        labels=(label,),
    )


def _require_label(
    user: ModuleType, label: str, weight: str | None, columns: Mapping[str, Any], *, not_dense: Sequence[str]
) -> None:
    for kind, name in (("LABEL", label), ("WEIGHT", weight)):
        if name is None or name in columns:
            continue
        if name in not_dense:
            raise TrainingDataError(
                f"{kind} {name!r} need not have one value in every row",
                features=", ".join(sorted(columns)),
                at=user.__file__,
                fix=f"give {name} `value_count {{ min: 1 max: 1 }}` in the schema, or fill it beforehand",
            )
        raise TrainingDataError(
            f"{kind} {name!r} is not among the features",
            features=", ".join(sorted(columns)),
            at=user.__file__,
            fix="name a dense feature: a column of the examples, or what preprocessing_fn returns",
        )


def _call_build(
    user: ModuleType, inputs: dict[str, Any], hyperparameters: Mapping[str, Any], *, not_dense: Sequence[str]
) -> Any:
    parameters = inspect.signature(user.build).parameters
    offered = {"features": inputs, "hyperparameters": dict(hyperparameters)}
    if "features" not in parameters or not set(parameters) <= set(offered):
        raise TrainingModuleError(
            "build takes (features) or (features, hyperparameters)",
            got=", ".join(parameters),
            at=f"{user.__file__}:{user.build.__code__.co_firstlineno}",
            fix="name the arguments so",
        )
    try:
        model = user.build(**{name: offered[name] for name in parameters})
    except KeyError as error:
        missing = error.args[0] if error.args else None
        if missing in inputs or missing in hyperparameters:
            raise
        raise TrainingModuleError(
            f"there is no feature {missing} to build from",
            features=", ".join(sorted(inputs)),
            not_dense=", ".join(not_dense),
            at=user_line(error, user),
            fix="use one of the features; one that is not dense must be made so in preprocessing_fn",
        ) from error
    if not isinstance(model, keras.Model) or getattr(model, "optimizer", None) is None:
        raise TrainingModuleError(
            "build must return a compiled Keras 3 model",
            got=type(model).__module__ + "." + type(model).__qualname__,
            at=f"{user.__file__}:{user.build.__code__.co_firstlineno}",
            fix="`import keras` (not tf.keras), call model.compile(...) and return the model",
        )
    return model


def _tuples(used: Sequence[str], label: str, weight: str | None) -> Callable[[dict[str, Any]], Any]:
    """What `fit` takes: features, label, and the weight if there is one."""

    def arrange(features: dict[str, Any]) -> Any:
        given = ({name: features[name] for name in used}, features[label])
        return given if weight is None else (*given, features[weight])

    return arrange


def _steps(fn_args: FnArgs, plan: FitPlan) -> int:
    """Steps an epoch: the steps asked for, spread over the epochs; without any, a pass over the data."""
    if fn_args.train_steps:
        return -(-fn_args.train_steps // plan.epochs)
    rows = sum(int(pq.read_metadata(file).num_rows) for file in matching_files(fn_args.train_files))
    return max(1, -(-rows // plan.batch_size))


def _callbacks(user: ModuleType, plan: FitPlan) -> list[Any]:
    return list(user.callbacks(dict(plan.hyperparameters))) if hasattr(user, "callbacks") else []


def _warm_start(model: Any, base_model: Path) -> dict[str, Any]:
    """Take the base model's weights where shapes agree; those that do not (a grown vocabulary) start anew."""
    weights = base_model / WEIGHTS
    if not weights.is_file():
        raise WarmStartError(
            "the base model keeps no Keras weights",
            needs=str(weights),
            fix="wire base_model to models that `build` made, or load fn_args.base_model in a run_fn",
        )
    fresh = [variable.numpy() for variable in model.weights]
    for variable, value in zip(model.weights, fresh, strict=True):
        if np.issubdtype(value.dtype, np.floating):
            variable.assign(np.full_like(value, np.nan))  # what still is NaN afterwards was not in the file
    model.load_weights(weights, skip_mismatch=True)
    taken = 0
    for variable, value in zip(model.weights, fresh, strict=True):
        if np.issubdtype(value.dtype, np.floating) and np.isnan(variable.numpy()).any():
            variable.assign(value)
        else:
            taken += 1
    return {"from": str(base_model), "variables_taken": taken, "variables": len(fresh)}


def _keep(model: Any, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    model.save_weights(file)


def _note(run_dir: Path, plan: FitPlan, model: Any, steps: int, started: Any) -> None:
    file = run_dir / "history.json"
    history = json.loads(file.read_text())
    history |= {
        "steps_per_epoch": steps,
        "batch_size": plan.batch_size,
        "seed": plan.seed,
        "hyperparameters": dict(plan.hyperparameters),
        "parameters": int(model.count_params()),
        "warm_start": started,
    }
    file.write_text(json.dumps(history, indent=1) + "\n")
