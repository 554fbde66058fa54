"""Typed artifacts, their standard types, and the store that holds their files."""

from pipeline_lib.artifacts.artifact import Artifact, later
from pipeline_lib.artifacts.standard import (
    ExampleAnomalies,
    Examples,
    ExampleStatistics,
    HyperParameters,
    InferenceResult,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    ModelRun,
    PushedModel,
    Schema,
    TransformCache,
    TransformGraph,
    TunerResults,
)
from pipeline_lib.artifacts.workspace import workspace

__all__ = [
    "Artifact",
    "ExampleAnomalies",
    "ExampleStatistics",
    "Examples",
    "HyperParameters",
    "InferenceResult",
    "InfraBlessing",
    "Model",
    "ModelBlessing",
    "ModelEvaluation",
    "ModelRun",
    "PushedModel",
    "Schema",
    "TransformCache",
    "TransformGraph",
    "TunerResults",
    "later",
    "workspace",
]
