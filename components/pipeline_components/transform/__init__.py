"""TensorFlow Transform as a component."""

from pipeline_components.transform.component import Transformed, transform

__all__ = ["Transformed", "transform"]
