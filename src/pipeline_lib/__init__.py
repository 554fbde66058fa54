"""Typed Python functions become scheduled, cached, audited machine-learning pipelines."""

from pipeline_lib.artifacts import (
    Artifact,
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
    later,
    workspace,
)
from pipeline_lib.dsl.approvals import Approval
from pipeline_lib.dsl.component import Component, component
from pipeline_lib.dsl.conditions import either, exists, not_, otherwise, required, when
from pipeline_lib.dsl.done import Done
from pipeline_lib.dsl.exit_handlers import exit_handler
from pipeline_lib.dsl.importer import importer
from pipeline_lib.dsl.loops import for_each
from pipeline_lib.dsl.options import Cache
from pipeline_lib.dsl.parameters import Secret, UserModule
from pipeline_lib.dsl.pipeline import Pipeline, pipeline
from pipeline_lib.dsl.resolvers import History, Resolver, resolver
from pipeline_lib.dsl.schedules import OnArtifact
from pipeline_lib.dsl.standard_resolvers import latest, latest_blessed, rolling_window
from pipeline_lib.errors import PipelineError

__all__ = [
    "Approval",
    "Artifact",
    "Cache",
    "Component",
    "Done",
    "ExampleAnomalies",
    "ExampleStatistics",
    "Examples",
    "History",
    "HyperParameters",
    "InferenceResult",
    "InfraBlessing",
    "Model",
    "ModelBlessing",
    "ModelEvaluation",
    "ModelRun",
    "OnArtifact",
    "Pipeline",
    "PipelineError",
    "PushedModel",
    "Resolver",
    "Schema",
    "Secret",
    "TransformCache",
    "TransformGraph",
    "TunerResults",
    "UserModule",
    "component",
    "either",
    "exists",
    "exit_handler",
    "for_each",
    "importer",
    "later",
    "latest",
    "latest_blessed",
    "not_",
    "otherwise",
    "pipeline",
    "required",
    "resolver",
    "rolling_window",
    "when",
    "workspace",
]
