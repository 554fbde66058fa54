"""`evaluate` and `push` in a pipeline: what the plan holds, and that nothing heavy is needed for it."""

import json
import os
import subprocess
import sys

from pydantic import TypeAdapter

from pipeline_components.evaluate import Bound, CrossSlice, Metric, Slice, evaluate
from pipeline_components.push import push
from pipeline_lib import Examples, Model, importer, pipeline, when

BY_ORIGIN = Bound(on="origin", at_least=0.5)
AGAINST_ALL = CrossSlice(compared=(Slice(columns=("origin",)),))


@pipeline(name="judge")
def judge(label: str = "late") -> None:
    examples = importer(Examples, "/data/examples", properties={"split_names": ["eval"]})
    model = importer(Model, "/data/model")
    verdict = evaluate(
        [examples],
        model,
        label=label,
        metrics=(
            Metric(
                "auc",
                at_least=0.6,
                per_slice=(Bound(on="origin", at_least=0.5), Bound(on=("a", "b"), at_most=1)),
            ),
            Metric("precision", options={"thresholds": [0.3]}),
        ),
        slices=(
            "origin",
            ("a", "b"),
            Slice(where={"month": 1}),
            CrossSlice(compared=(Slice(columns=("origin",)),)),
        ),
        confidence="bootstrap",
    )
    with when(verdict.blessing.blessed):
        push(model, verdict.blessing, name="delays")


def test_criteria_survive_the_plan() -> None:
    text = json.dumps(judge.compile().model_dump(mode="json"))
    assert '"at_least": 0.6' in text
    given = (
        "origin",
        ("a", "b"),
        Slice(columns=("origin",), where={"month": 1}),
        CrossSlice(compared=(Slice(columns=("origin",)),)),
    )
    adapter = TypeAdapter(tuple[str | tuple[str, ...] | Slice | CrossSlice, ...])
    assert adapter.validate_python(json.loads(adapter.dump_json(given))) == given
    metrics = (Metric("auc", per_slice=(Bound(on=Slice(where={"a": 1.5}), at_least=1),), options={"k": [1]}),)
    of_metrics = TypeAdapter(tuple[Metric, ...])
    assert of_metrics.validate_python(json.loads(of_metrics.dump_json(metrics))) == metrics


def test_the_module_is_light() -> None:
    code = (
        "import sys, pipeline_components.evaluate, pipeline_components.push\n"
        "heavy = {'tensorflow', 'apache_beam', 'numpy', 'pyarrow', 'jinja2', 'fsspec'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
