"""A small classifier: reading the rows costs more than training on them."""

from typing import Any

import keras

LABEL = "late"


def build(features: dict[str, Any]) -> keras.Model:
    """One layer over all signals."""
    joined = keras.layers.Concatenate()([features[name] for name in sorted(features) if name != "hour"])
    model = keras.Model(features, keras.layers.Dense(1, activation="sigmoid")(joined))
    model.compile("sgd", "binary_crossentropy")
    return model
