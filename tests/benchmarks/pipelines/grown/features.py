"""A z-score and buckets of every signal."""

from typing import Any

import tensorflow_transform as tft


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Twenty features."""
    signals = {name: value for name, value in inputs.items() if name.startswith("signal")}
    scores = {name: tft.scale_to_z_score(value) for name, value in signals.items()}
    return scores | {f"{name}_bucket": tft.bucketize(value, 10) for name, value in signals.items()}
