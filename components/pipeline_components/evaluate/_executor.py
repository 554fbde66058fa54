"""The body of `evaluate`: plan, predict and measure on Beam, judge, report."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline_components.errors import EvalConfigError, UnknownColumnError, UnknownSplitError
from pipeline_components.evaluate import _config, _signatures
from pipeline_components.evaluate._evaluator import evaluation
from pipeline_components.evaluate._nearest import nearest
from pipeline_components.evaluate._predict import ModelCall, Score, ScorePlan
from pipeline_components.evaluate._recorded import finite, recorded
from pipeline_components.evaluate._report import write_report
from pipeline_components.evaluate._results import slice_rows
from pipeline_components.evaluate._slicing import slice_columns, slice_plans
from pipeline_components.evaluate._verdict import Finding, finding
from pipeline_components.evaluate.criteria import Confidence, CrossSlice, Metric, SliceLike
from pipeline_lib.artifacts import Examples, Model, ModelBlessing, ModelEvaluation, Schema
from pipeline_lib.beam.files import open_parquet
from pipeline_lib.beam.runner import beam_pipeline
from pipeline_lib.beam.shared import worker_directory
from pipeline_lib.beam.sources import ReadOptions, RowGroup, row_groups

SERVING = "Format-Serving"
_BINARY = frozenset(
    {"AUC", "AUCPrecisionRecall", "BinaryAccuracy", "BinaryCrossEntropy", "F1Score", "Precision", "Recall"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to evaluate and how; the parameters of the component, as given."""

    label: str | None
    metrics: Sequence[Metric]
    slices: Sequence[SliceLike | CrossSlice]
    weight: str | None
    splits: Sequence[str]
    eval_config: str | None
    min_slice_size: int
    confidence: Confidence
    prediction_key: str | None
    signature: str | None
    drop_unlabelled: bool


class Outputs(NamedTuple):
    """The two artifacts of an evaluation."""

    evaluation: ModelEvaluation
    blessing: ModelBlessing


def run(
    examples: Sequence[Examples],
    model: Model,
    baseline: Model | None,
    schema: Schema | None,
    request: Request,
) -> Outputs:
    """Evaluate a model on the examples' splits and judge it.

    Args:
        examples: Raw examples of one or more spans.
        model: The candidate.
        baseline: What to compare it with.
        schema: The examples' schema; TFMA takes the bounds of some plots from it.
        request: What to measure and demand.

    Raises:
        PipelineError: The request does not fit the examples or the model (PC501 to PC508).
    """
    config = _asked_config(request)
    judged = _config.judgement(
        config,
        label=_label(request, config),
        weight=_weight(request, config),
        has_baseline=baseline is not None,
    )
    items = _work_items(examples, request.splits)
    available = _available_columns(items, slice_columns(slice_plans(judged.config)))
    plan = _score_plan(model, baseline, request, judged, available)
    _require_columns(plan, available)
    written = ModelEvaluation.new()
    with worker_directory(written.path) as out:
        measure(items, plan, judged, _schema(schema), read=plan.columns(available), out=out)
    validation = tfma.load_validation_result(str(written.path))
    found = finding(
        validation,
        has_thresholds=_config.has_thresholds(judged.asked),
        rubber_stamp=baseline is None and _config.has_change_thresholds(judged.asked),
    )
    rows = slice_rows(str(written.path), judged)
    written.slice_metrics, written.slices_left_out = recorded(rows, judged, validation, found)
    for row in rows[:1]:  # all rows
        written.metrics = finite(row.candidate)
        written.baseline_metrics = finite(row.baseline)
    write_report(
        written.path / "report.html",
        found,
        rows,
        directions=_config.directions(judged.config),
        model=model.uri,
        baseline=baseline.uri if baseline is not None else None,
    )
    return Outputs(written, _bless(found, model, baseline))


def _asked_config(request: Request) -> tfma.EvalConfig:
    if request.eval_config is None:
        return _config.from_criteria(
            request.metrics,
            request.slices,
            min_slice_size=request.min_slice_size,
            confidence=request.confidence,
        )
    if request.slices:
        raise EvalConfigError(
            "slices are given twice", fix="put them into eval_config, or do without eval_config"
        )
    return _config.from_text(request.eval_config)


def _label(request: Request, config: tfma.EvalConfig) -> str:
    named = [spec.label_key for spec in config.model_specs if spec.label_key]
    label = request.label or (named[0] if named else None)
    if label is None:
        raise EvalConfigError(
            "no label is named", fix="give label=, or label_key in eval_config's model_specs"
        )
    return label


def _weight(request: Request, config: tfma.EvalConfig) -> str | None:
    named = [spec.example_weight_key for spec in config.model_specs if spec.example_weight_key]
    return request.weight or (named[0] if named else None)


def _work_items(examples: Sequence[Examples], splits: Sequence[str]) -> list[RowGroup]:
    items = []
    for each in examples:
        for split in splits:
            if split not in each.split_names:
                near = nearest(split, each.split_names)
                raise UnknownSplitError(
                    f"the examples have no split {split!r}",
                    has=", ".join(each.split_names),
                    at=each.uri,
                    fix=f"did you mean {near!r}?" if near else "name one of them in splits",
                )
            items += row_groups(each.split_uri(split))
    return items


def _score_plan(
    model: Model,
    baseline: Model | None,
    request: Request,
    judged: _config.Judgement,
    available: tuple[str, ...],
) -> ScorePlan:
    calls = []
    for spec, given in zip(judged.asked.model_specs, (model, baseline), strict=True):
        if given is not None:
            calls.append(_model_call(spec.name, given, request))
    candidate = Path(calls[0].directory)
    label = judged.candidate_spec.label_key
    raw = label in available
    classes = {metric.class_name for spec in judged.config.metrics_specs for metric in spec.metrics}
    binarised = any(
        spec.HasField("binarize") or spec.HasField("aggregate") for spec in judged.config.metrics_specs
    )
    return ScorePlan(
        models=tuple(calls),
        label=label,
        transform=None if raw else _signatures.transform_of(candidate, label),
        weight=judged.candidate_spec.example_weight_key or None,
        slices=slice_columns(slice_plans(judged.config)),
        binary=bool(classes & _BINARY) and not binarised,
        drop_unlabelled=request.drop_unlabelled,
    )


def _model_call(name: str, model: Model, request: Request) -> ModelCall:
    directory = model.path / SERVING
    signature = _signatures.prediction_signature(directory, request.signature)
    return ModelCall(
        name=name,
        directory=str(directory),
        uri=f"{model.uri}/{SERVING}",
        signature=signature,
        output=_signatures.prediction_output(signature, request.prediction_key, directory),
    )


def _available_columns(items: Sequence[RowGroup], slices: Sequence[str]) -> tuple[str, ...]:
    if not items:
        return ()
    with open_parquet(items[0].uri) as parquet:
        columns = parquet.schema_arrow
    for name in slices:
        if name in columns.names and pa.types.is_nested(columns.field(name).type):
            raise UnknownColumnError(
                f"column {name!r} holds {columns.field(name).type}, which cannot be sliced by",
                at=items[0].uri,
                fix="slice by a column with one value in each row",
            )
    return tuple(columns.names)


def _require_columns(plan: ScorePlan, available: tuple[str, ...]) -> None:
    needed = [("slice", name) for name in plan.slices]
    needed += [("weight", plan.weight)] if plan.weight else []
    needed += [("label", plan.label)] if plan.transform is None else []
    if plan.transform is not None and plan.transform.takes == "columns":
        needed += [(f"needed to compute label {plan.label!r}", name) for name in plan.transform.inputs]
    for call in plan.models:
        if call.signature.takes == "columns":
            needed += [(f"input of the {call.name}", name) for name in call.signature.inputs]
    for role, name in needed:
        if available and name not in available:
            near = nearest(name, available)
            raise UnknownColumnError(
                f"the examples have no column {name!r} ({role})",
                has=", ".join(available),
                fix=f"did you mean {near!r}?" if near else "name one of the columns",
            )


def _schema(schema: Schema | None) -> schema_pb2.Schema | None:
    if schema is None:
        return None
    return text_format.Parse((schema.path / "schema.pbtxt").read_text(), schema_pb2.Schema())


def measure(
    items: Sequence[RowGroup],
    plan: ScorePlan,
    judged: _config.Judgement,
    schema: schema_pb2.Schema | None,
    *,
    read: tuple[str, ...],
    out: str,
) -> None:
    writers = tfma.default_writers(out, eval_config=judged.config, eval_shared_model=list(judged.models))
    with beam_pipeline() as root:
        batches = (
            root
            | "RowGroups" >> beam.Create(list(items), reshuffle=len(items) > 1)
            | "Predict" >> beam.ParDo(Score(plan, ReadOptions(columns=read, as_lists=False)))
        )
        _ = evaluation(batches, judged, schema) | "Write" >> tfma.WriteResults(writers)


def _bless(found: Finding, model: Model, baseline: Model | None) -> ModelBlessing:
    blessing = ModelBlessing.new()
    blessing.blessed, blessing.outcome = found.blessed, found.outcome
    blessing.current_model, blessing.current_model_id = model.uri, model.id
    if baseline is not None:
        blessing.baseline_model, blessing.baseline_model_id = baseline.uri, baseline.id
    (blessing.path / ("BLESSED" if found.blessed else "NOT_BLESSED")).touch()
    (blessing.path / "reasons.json").write_text(json.dumps(found.as_json(), indent=2) + "\n")
    return blessing
