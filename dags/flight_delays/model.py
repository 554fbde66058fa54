"""The model: embeddings of who flies where, joined with schedule and weather."""

from typing import Any

import keras

from flight_delays.columns import CATEGORIES, HOURS, LABEL, NUMBERS

__all__ = ["LABEL", "build"]

_HOUR_BUCKETS = 24


def build(features: dict[str, Any], hyperparameters: dict[str, Any]) -> keras.Model:
    """A small compiled classifier.

    Args:
        features: A `keras.Input` of shape (1,) per transformed feature.
        hyperparameters: `units` (hidden layer, 64), `dropout` (0.2), `learning_rate` (0.002).

    Returns:
        A model from the features to the probability of a delay, shape (batch, 1).
    """
    embedded = [
        keras.layers.Flatten()(keras.layers.Embedding(size + 1, min(8, 1 + size // 4))(features[name]))
        for name, size in [*CATEGORIES.items(), *((name, _HOUR_BUCKETS) for name in HOURS)]
    ]
    joined = keras.layers.Concatenate()([*embedded, *(features[name] for name in NUMBERS)])
    hidden = keras.layers.Dense(hyperparameters.get("units", 64), activation="relu")(joined)
    hidden = keras.layers.Dropout(hyperparameters.get("dropout", 0.2))(hidden)
    probability = keras.layers.Dense(1, activation="sigmoid", name="probability")(hidden)
    model = keras.Model({name: features[name] for name in (*CATEGORIES, *HOURS, *NUMBERS)}, probability)
    model.compile(
        optimizer=keras.optimizers.Adam(hyperparameters.get("learning_rate", 0.002)),
        loss="binary_crossentropy",
        metrics=[keras.metrics.AUC(name="auc")],
    )
    return model
