"""TFMA's evaluation of batches of predicted rows: our kernels where there are any, TFMA's code elsewhere.

Both halves use TFMA's own plan (which computations a configuration needs) and TFMA's own derived metrics,
differences to the baseline, validator and writers. TFMA's private names used here are those of 0.47.1; the
parity tests hold us to it.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.evaluators import evaluator, metrics_validator
from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator as stock
from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tensorflow_model_analysis.slicer import slicer_lib
from tensorflow_model_analysis.utils import model_util

from pipeline_components.evaluate._accumulators import Kernel, Rows, State, kernel_for
from pipeline_components.evaluate._batches import Floats, Scored, to_record_batch
from pipeline_components.evaluate._config import PREDICTION, Judgement
from pipeline_components.evaluate._merging import mend_tfma
from pipeline_components.evaluate._slicing import SliceKey, SlicePlan, group, slice_plans
from pipeline_components.evaluate._verdict import METRIC_NOT_FOUND

_MERGED = (constants.METRICS_KEY, constants.PLOTS_KEY, constants.ATTRIBUTIONS_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One kernel and the model whose predictions it reads."""

    kernel: Kernel
    model: str
    weighted: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """One slice's rows and states. Opaque to Beam, which would else encode a histogram bucket by bucket."""

    rows: int
    states: tuple[State, ...]

    def __add__(self, other: "Sums") -> "Sums":
        states = tuple(mine + theirs for mine, theirs in zip(self.states, other.states, strict=True))
        return Sums(self.rows + other.rows, states)


def evaluation(
    batches: beam.pvalue.PCollection[Any], judged: Judgement, schema: schema_pb2.Schema | None = None
) -> dict[str, beam.pvalue.PCollection[Any]]:
    """Metrics, plots and validations of predicted rows, in the form that TFMA's writers take.

    Args:
        batches: `Scored` batches.
        judged: The configuration.
        schema: Passed to TFMA, which takes the bounds of some plots from it.

    Returns:
        PCollections by TFMA's keys.
    """
    config = judged.config
    ours, theirs = divide(config)
    plans = slice_plans(config)
    halves: list[dict[str, beam.pvalue.PCollection[Any]]] = []
    if ours.metrics_specs:
        halves.append(_vectorised(batches, ours, plans))
    if theirs.metrics_specs:
        halves.append(_stock(batches, theirs, judged, schema))
    merged: dict[str, beam.pvalue.PCollection[Any]] = evaluator.combine_dict_based_evaluations(
        {key: [half[key] for half in halves if key in half] for key in _MERGED}
    )
    smallest = config.options.min_slice_size.value
    if smallest > 1:
        rows = batches | "CountRows" >> beam.ParDo(_RowsBySlice(plans)) | "AddRows" >> beam.CombinePerKey(sum)
        for key in _MERGED:
            merged[key] = merged[key] | f"Enough{key}" >> beam.Map(
                _hide_small, smallest, key == constants.METRICS_KEY, beam.pvalue.AsDict(rows)
            )
    metrics = merged[constants.METRICS_KEY]
    merged[constants.VALIDATIONS_KEY] = metrics | "Validate" >> beam.Map(validate, config)
    return merged


def validate(sliced: tuple[Any, dict[Any, Any]], config: tfma.EvalConfig) -> Any:
    """TFMA's validation of one slice, less the bounds that are not for it.

    TFMA reports a metric that a slice lacks (for having too few rows) without asking whether the bound is
    meant for that slice: one small slice would then fail a bound on all rows.

    Args:
        sliced: Slice key and metrics.
        config: The configuration.

    Returns:
        tfma's ValidationResult of the slice.
    """
    result = metrics_validator.validate_metrics(sliced, config)
    if result.validation_ok:
        return result
    bounds = metric_specs.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)
    for found in result.metric_validations_per_slice:
        meant = [
            failure
            for failure in found.failures
            if failure.message != METRIC_NOT_FOUND or _is_bounded(failure.metric_key, sliced[0], bounds)
        ]
        del found.failures[:]
        found.failures.extend(meant)
    left = [found for found in result.metric_validations_per_slice if found.failures]
    del result.metric_validations_per_slice[:]
    result.metric_validations_per_slice.extend(left)
    result.validation_ok = not left
    return result


def _is_bounded(metric: Any, key: Any, bounds: Mapping[Any, Any]) -> bool:
    for spec, _ in bounds[metric_types.MetricKey.from_proto(metric)]:
        if not isinstance(spec, tfma.SlicingSpec):
            return True  # no slice named: every slice; or cross slices, which TFMA does check
        if slicer_lib.SingleSliceSpec(spec=spec).is_slice_applicable(key):
            return True
    return False


def divide(config: tfma.EvalConfig) -> tuple[tfma.EvalConfig, tfma.EvalConfig]:
    """The metrics that our kernels compute, and those that stock TFMA must.

    Confidence intervals resample rows inside TFMA, so with them everything is TFMA's.
    """
    ours, theirs = tfma.EvalConfig(), tfma.EvalConfig()
    for part in (ours, theirs):
        part.CopyFrom(config)
        part.options.ClearField("min_slice_size")  # applied once, to both halves together
        del part.metrics_specs[:]
    resampled = config.options.compute_confidence_intervals.value
    for spec in config.metrics_specs:
        for part, vectorised in ((ours, True), (theirs, False)):
            chosen = tfma.MetricsSpec()
            chosen.CopyFrom(spec)
            del chosen.metrics[:]
            for metric in spec.metrics:
                alone = tfma.MetricsSpec()
                alone.CopyFrom(chosen)
                alone.metrics.append(metric)
                if (not resampled and _has_kernels(alone, config)) is vectorised:
                    chosen.metrics.append(metric)
            if chosen.metrics:
                part.metrics_specs.append(chosen)
    return ours, theirs


def _has_kernels(spec: tfma.MetricsSpec, config: tfma.EvalConfig) -> bool:
    if spec.query_key or spec.HasField("aggregate"):
        return False
    needed = _computations([spec], config)
    return (
        bool(needed.non_derived_computations)
        and not needed.ci_derived_computations
        and all(kernel_for(each) is not None for each in needed.non_derived_computations)
    )


def _computations(specs: Iterable[tfma.MetricsSpec], config: tfma.EvalConfig) -> stock.MetricComputations:
    computations = metric_specs.to_computations(list(specs), eval_config=config)
    return stock._filter_and_separate_computations(computations)


def _tasks(
    computations: Iterable[metric_types.MetricComputation], config: tfma.EvalConfig
) -> tuple[Task, ...]:
    # TFMA drops the name of an only model; the name of its predictions still has it.
    models = {spec.name: spec.prediction_key.removeprefix(PREDICTION) for spec in config.model_specs}
    tasks = []
    for each in computations:
        kernel = kernel_for(each)
        if kernel is None:
            raise AssertionError(f"{each} was planned without a kernel")
        weighted = bool(getattr(each.combiner, "_example_weighted", False))
        tasks.append(Task(kernel=kernel, model=models[each.keys[0].model_name], weighted=weighted))
    return tuple(tasks)


def _vectorised(
    batches: beam.pvalue.PCollection[Any], config: tfma.EvalConfig, plans: tuple[SlicePlan, ...]
) -> dict[str, beam.pvalue.PCollection[Any]]:
    needed = _computations(config.metrics_specs, config)
    tasks = _tasks(needed.non_derived_computations, config)
    baseline = model_util.get_baseline_model_spec(config)
    metrics = (
        batches
        | "SumBySlice" >> beam.ParDo(SumBySlice(tasks, plans))
        | "MergeSums" >> beam.CombinePerKey(_MergeSums(tasks, needed))
        | "Compare"
        >> stock._AddDerivedCrossSliceAndDiffMetrics(
            [],
            needed.cross_slice_computations,
            list(config.cross_slicing_specs),
            baseline.name if baseline else None,
        )
        | "DropPrivate" >> beam.MapTuple(stock._remove_private_metrics)
    )
    kinds = zip(
        _MERGED, (metric_types.MetricKey, metric_types.PlotKey, metric_types.AttributionsKey), strict=True
    )
    return {key: metrics | f"Only{key}" >> beam.Map(stock._filter_by_key_type, kind) for key, kind in kinds}


def _stock(
    batches: beam.pvalue.PCollection[Any],
    config: tfma.EvalConfig,
    judged: Judgement,
    schema: schema_pb2.Schema | None,
) -> dict[str, beam.pvalue.PCollection[Any]]:
    models = list(judged.models)
    extracts = batches | "AsExtracts" >> beam.ParDo(AsExtracts(judged.candidate_spec)).with_output_types(
        tfma.types.Extracts
    )
    for each in tfma.default_extractors(eval_shared_model=models, eval_config=config):
        extracts = extracts | each.stage_name >> each.ptransform
    mend_tfma()
    theirs = stock.MetricsPlotsAndValidationsEvaluator(
        eval_config=config, eval_shared_model=models, schema=schema
    )
    found: dict[str, beam.pvalue.PCollection[Any]] = extracts | "Stock" >> theirs.ptransform
    return found


class AsExtracts(beam.DoFn):
    """`Scored` batches in the form in which stock TFMA reads them."""

    def __init__(self, spec: tfma.ModelSpec) -> None:
        self._label, self._weight = spec.label_key, spec.example_weight_key or None

    def process(self, batch: Scored) -> Iterator[dict[str, Any]]:
        """Wrap the batch's list columns."""
        lists = to_record_batch(batch, label=self._label, weight=self._weight, prediction_prefix=PREDICTION)
        yield {constants.ARROW_RECORD_BATCH_KEY: lists}


class SumBySlice(beam.DoFn):
    """`Scored` batches to (slice key, `Sums`), one element for each slice and bundle."""

    def __init__(self, tasks: tuple[Task, ...], plans: tuple[SlicePlan, ...]) -> None:
        self._tasks, self._plans = tasks, plans

    def start_bundle(self) -> None:
        """Begin with no slices."""
        self._sums: dict[SliceKey, Sums] = {}

    def process(self, batch: Scored) -> None:
        """Add one batch to the bundle's sums."""
        columns = {(task.model, task.weighted): _columns(batch, task) for task in self._tasks}
        seen: set[SliceKey] = set()
        for plan in self._plans:
            groups = group(plan, batch.features, batch.rows)
            if seen.issuperset(groups.keys):
                continue
            states = [self._states(task, columns[task.model, task.weighted], groups) for task in self._tasks]
            counts = np.bincount(groups.ids, minlength=len(groups.keys)).tolist()
            for place, key in enumerate(groups.keys):
                if key in seen:  # two specifications may make the same slice, of the same rows
                    continue
                seen.add(key)
                new = Sums(counts[place], tuple(state[place] for state in states))
                known = self._sums.get(key)
                self._sums[key] = new if known is None else known + new

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Hand the bundle's sums on."""
        for key, sums in self._sums.items():
            yield WindowedValue((key, sums), 0, (GlobalWindow(),))

    @staticmethod
    def _states(task: Task, columns: tuple[Floats, Floats, Floats], groups: Any) -> Any:
        labels, predictions, weights = (
            columns if groups.rows is None else tuple(column[groups.rows] for column in columns)
        )
        return task.kernel.sums(Rows(labels, predictions, weights, groups.ids, len(groups.keys)))


def _columns(batch: Scored, task: Task) -> tuple[Floats, Floats, Floats]:
    weights = batch.weights if task.weighted else None
    return (
        batch.labels.astype(np.float64),
        batch.predictions[task.model].astype(np.float64),
        np.ones(batch.rows) if weights is None else weights.astype(np.float64),
    )


def _hide_small(
    sliced: tuple[Any, dict[Any, Any]], smallest: int, explain: bool, rows: dict[SliceKey, int]
) -> tuple[Any, dict[Any, Any]]:
    """TFMA's rule for small slices; its own code for it fails on cross slices, which it does not count."""
    key, _ = sliced
    parts = key if slicer_lib.is_cross_slice_key(key) else (key,)
    if all(not part or rows.get(part, 0) >= smallest for part in parts):
        return sliced
    message = (
        f"Example count for this slice key is lower than the minimum required value: {smallest}. "
        "No data is aggregated for this slice."
    )
    return key, {"__ERROR__": message} if explain else {}


class _RowsBySlice(beam.DoFn):
    def __init__(self, plans: tuple[SlicePlan, ...]) -> None:
        self._plans = plans

    def process(self, batch: Scored) -> Iterator[tuple[SliceKey, int]]:
        found: dict[SliceKey, int] = {}
        for plan in self._plans:
            groups = group(plan, batch.features, batch.rows)
            counts = np.bincount(groups.ids, minlength=len(groups.keys)).tolist()
            found |= dict(zip(groups.keys, counts, strict=True))
        yield from found.items()


class _MergeSums(beam.CombineFn):
    """Sums of all batches, and at the end TFMA's metrics of them.

    Histograms stay in here: between steps, Beam would encode them bucket by bucket.
    """

    def __init__(self, tasks: tuple[Task, ...], needed: stock.MetricComputations) -> None:
        self._tasks, self._needed = tasks, needed

    def create_accumulator(self) -> Sums | None:
        return None

    def add_input(self, accumulator: Sums | None, element: Sums) -> Sums:
        return element if accumulator is None else accumulator + element

    def merge_accumulators(self, accumulators: Iterable[Sums | None]) -> Sums | None:
        known = [each for each in accumulators if each is not None]
        return functools.reduce(Sums.__add__, known) if known else None

    def extract_output(self, accumulator: Sums | None) -> metric_types.MetricsDict:
        metrics: metric_types.MetricsDict = {}
        states = accumulator.states if accumulator is not None else ()
        for task, state in zip(self._tasks, states, strict=bool(states)):
            metrics.update(task.kernel.result(state))
        for derived in self._needed.derived_computations:
            metrics.update(derived.result(metrics))
        if self._needed.cross_slice_computations:  # these compare what is private, too
            return metrics
        return {key: value for key, value in metrics.items() if not stock._is_private_metrics(key)}
