"""Evaluate a model and bless it, or say why not."""

from pipeline_components.evaluate.component import Verdict, evaluate
from pipeline_components.evaluate.criteria import Bound, CrossSlice, Metric, Slice

__all__ = ["Bound", "CrossSlice", "Metric", "Slice", "Verdict", "evaluate"]
