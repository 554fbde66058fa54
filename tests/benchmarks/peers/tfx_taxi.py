"""Peer: the Chicago taxi pipeline by TFX's LocalDagRunner, in TFX's own environment; a second run is cached.

    python tfx_taxi.py DATA_DIR MODULE.py OUT_DIR STEPS

DATA_DIR holds one CSV. The last line printed is JSON: seconds by component, imports not counted.
"""

import json
import logging
import sys
import time
from pathlib import Path

import tensorflow_model_analysis as tfma
from absl import logging as absl_logging
from tfx import v1 as tfx


class Stopwatch(logging.Handler):
    """Takes the time between "Component X is running." and "Component X is finished."."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.seconds, self.started = {}, {}

    def emit(self, record):
        words = record.getMessage().split()
        if words[:1] != ["Component"] or len(words) != 4:
            return
        if words[3] == "running.":
            self.started[words[1]] = time.perf_counter()
        elif words[3] == "finished.":
            self.seconds[words[1]] = time.perf_counter() - self.started[words[1]]


def components(data, module, serving, steps):
    examples = tfx.components.CsvExampleGen(input_base=data)
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"], infer_feature_shape=True)
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"], schema=schema.outputs["schema"], module_file=module
    )
    trainer = tfx.components.Trainer(
        module_file=module,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=tfx.proto.TrainArgs(num_steps=steps),
        eval_args=tfx.proto.EvalArgs(num_steps=150),
    )
    latest = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed")
    evaluator = tfx.components.Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=latest.outputs["model"],
        eval_config=judgement(),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=serving)
        ),
    )
    return [examples, statistics, schema, validator, transform, trainer, latest, evaluator, pusher]


def judgement():
    """As in TFX's example, with the slices of ours."""
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name="serving_default",
                label_key="tips_xf",
                preprocessing_function_names=["transform_features"],
            )
        ],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["trip_start_hour"])],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    tfma.MetricConfig(
                        class_name="BinaryAccuracy",
                        per_slice_thresholds=[
                            tfma.PerSliceMetricThreshold(
                                slicing_specs=[tfma.SlicingSpec()],
                                threshold=tfma.MetricThreshold(
                                    value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 0.6}),
                                    change_threshold=tfma.GenericChangeThreshold(
                                        direction=tfma.MetricDirection.HIGHER_IS_BETTER,
                                        absolute={"value": -1e-10},
                                    ),
                                ),
                            )
                        ],
                    )
                ]
            )
        ],
    )


def main(data, module, out, steps):
    Path(out).mkdir(parents=True, exist_ok=True)
    watch = Stopwatch()
    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.get_absl_logger().addHandler(watch)
    started = time.perf_counter()
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name="taxi",
            pipeline_root=f"{out}/pipeline",
            components=components(data, module, f"{out}/serving", int(steps)),
            enable_cache=True,
            metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
                f"{out}/metadata.db"
            ),
            beam_pipeline_args=[],
        )
    )
    run = time.perf_counter() - started
    sys.stdout.write("\n" + json.dumps({"run": run, "components": watch.seconds}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
