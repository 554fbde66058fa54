"""The component `train`."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline_lib import Examples, Model, ModelRun, Schema, TransformGraph, UserModule, component


class Trained(NamedTuple):
    """What `train` puts out.

    Attributes:
        model: The SavedModel, `Format-Serving/`; from `build` also its Keras weights, `Format-Keras/`.
        model_run: TensorBoard logs, `history.json`, and what `run_fn` writes to `fn_args.model_run_dir`.
    """

    model: Model
    model_run: ModelRun


@component
def train(
    examples: Sequence[Examples],
    transform_graph: TransformGraph | None = None,
    schema: Schema | None = None,
    base_model: Model | None = None,
    *,
    module: UserModule,
    train_steps: int = 1_000,
    eval_steps: int = 100,
    train_splits: Sequence[str] = ("train",),
    eval_splits: Sequence[str] = ("eval",),
    hyperparameters: dict[str, Any] = {},  # noqa: B006  read, never changed
    custom_config: dict[str, Any] = {},  # noqa: B006
    batch_size: int = 200,
    epochs: int = 5,
    seed: int = 0,
) -> Trained:
    """Train the user's model and save it with the transform graph inside.

    The module says how, in one of two ways:

    `run_fn(fn_args)`, as in TFX: it reads, trains and saves by itself; see `FnArgs`. A module written for
    TFX runs as it is. `tf.keras` is tf_keras here, `keras` is Keras 3.

    `build` and `LABEL`, the short way with Keras 3:

        import keras
        LABEL = "late"

        def build(features, hyperparameters):
            joined = keras.layers.Concatenate()(list(features.values()))
            hidden = keras.layers.Dense(hyperparameters.get("units", 32), activation="relu")(joined)
            model = keras.Model(features, keras.layers.Dense(1, activation="sigmoid")(hidden))
            model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
            return model

    `features` holds a `keras.Input` of shape (1,), or as wide as the feature is, for each dense feature
    but the label. A module may also have `WEIGHT` (a feature that weighs rows) and
    `callbacks(hyperparameters)`, a list of Keras callbacks. Batches, fitting, warm start, logs and export
    (`export_model`) are done for it.

    Args:
        examples: Transformed ones with a graph, raw ones without; several (spans of a window) are one
            data set.
        transform_graph: What made them; becomes a part of the model.
        schema: Of the raw examples; without a graph it says which columns may be missing.
        base_model: A model to start from: `build` takes its weights over where shapes agree, `run_fn` finds
            it as `fn_args.base_model`.
        module: The user's module.
        train_steps: Batches to train on in all; 0: as many as the data gives, in each epoch.
        eval_steps: Batches to evaluate on in each epoch; 0: all.
        train_splits: Splits to train on.
        eval_splits: Splits to evaluate on while training.
        hyperparameters: Given to `build`, or `fn_args.hyperparameters`.
        custom_config: `fn_args.custom_config`.
        batch_size: Rows a batch; for `build`.
        epochs: Times that progress is told and evaluated, `train_steps` are spread over them; for `build`.
        seed: Of the first weights and the order of rows; for `build`.

    Raises:
        TrainingModuleError: The module has neither, or `build` gives no compiled Keras 3 model.
        TrainingFailedError: The user's code raised; the error names the line.
        TrainingDataError: No such split, no rows, no such label, or missing values where none may be.
        LossNotFiniteError: The loss became NaN or infinite.
        ModelNotWrittenError: `run_fn` wrote no model.
        WarmStartError: The base model was not made by `build`.
        ExportError: The model has inputs that are no features.
    """
    from pipeline_components.train._build import FitPlan
    from pipeline_components.train._executor import run

    plan = FitPlan(batch_size=batch_size, epochs=epochs, seed=seed, hyperparameters=hyperparameters)
    model, model_run = run(
        examples,
        transform_graph,
        schema,
        base_model,
        module=module,
        train_splits=train_splits,
        eval_splits=eval_splits,
        train_steps=train_steps,
        eval_steps=eval_steps,
        custom_config=custom_config,
        plan=plan,
    )
    return Trained(model, model_run)
