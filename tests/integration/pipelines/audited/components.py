"""Stand-ins for ingest, train, evaluate and push that put out the standard artifact types."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pipeline_lib import component
from pipeline_lib.artifacts.standard import Examples, Model, ModelBlessing, PushedModel


def _found(parameters: dict[str, object]) -> dict[str, object]:
    file = Path(str(parameters["source"]))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"found": {"files": {"*": [{"name": file.name, "sha256": sha256, "size": file.stat().st_size}]}}}


@component(driver=_found, output="examples")
def ingest(*, source: str, span: int, found: dict[str, object] | None = None) -> Examples:
    """The file as it is."""
    made = Examples.new(span=span, version=0, split_names=["train"], columns=["row", "it's a column"])
    made.rows = {"train": 1}
    (made.path / "rows.csv").write_bytes(Path(source).read_bytes())
    return made


@component(output="model")
def train(examples: Sequence[Examples], *, steps: int) -> Model:
    """Not trained very hard."""
    made = Model.new()
    rows = "".join((one.path / "rows.csv").read_text() for one in examples)
    (made.path / "weights.txt").write_text(f"{steps} {rows}")
    return made


@component(output="blessing")
def judge(model: Model, *, metrics: list[dict[str, float | str]], bless: bool) -> ModelBlessing:
    """The verdict it is told to give."""
    made = ModelBlessing.new()
    made.blessed, made.outcome = bless, "blessed" if bless else "threshold_missed"
    made.current_model, made.current_model_id = model.uri, model.id
    reasons = [] if bless else [{"metric": "auc", "detail": "auc is <b>0.5</b>"}]
    (made.path / "reasons.json").write_text(json.dumps({"reasons": reasons}))
    return made


@component(output="pushed_model", cache=False)
def serve(model: Model, blessing: ModelBlessing, *, base: str, version: str) -> PushedModel:
    """Says that it pushed."""
    made = PushedModel.new()
    made.pushed = blessing.blessed
    if blessing.blessed:
        made.pushed_destination, made.pushed_version = f"{base}/{version}", version
    else:
        made.reason = "not blessed"
    (made.path / "note.txt").write_text(version)
    return made
