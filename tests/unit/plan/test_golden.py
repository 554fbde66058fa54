"""The plans of the sample pipelines, whole: a change of the plan is seen, and made on purpose.

`UPDATE_GOLDEN=1 pytest tests/unit/plan/test_golden.py` writes them anew.
"""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib import Pipeline
from pipeline_lib.plan.models import Plan
from pipeline_lib.plan.reading import plan_from_text, read_plan

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests/unit/golden"


def sample_pipelines() -> dict[str, str]:
    """Module by golden file's name: every folder of dags/, and one that uses every form of the language."""
    found = {
        path.parent.name: f"{path.parent.name}.pipeline" for path in (ROOT / "dags").glob("*/pipeline.py")
    }
    return {"every_form": "unit.dsl.every_form", **dict(sorted(found.items()))}


def compiled(module: str) -> Plan:
    pipelines: list[Pipeline[..., Any]] = [
        value
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, Pipeline) and value.__module__ == module
    ]
    (pipeline,) = pipelines
    return pipeline.compile()


@pytest.mark.parametrize(("name", "module"), sample_pipelines().items(), ids=sample_pipelines())
def test_plan_is_the_golden_one(name: str, module: str) -> None:
    plan = compiled(module)
    text = json.dumps(plan.as_json(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.exists(), "write it: UPDATE_GOLDEN=1"
    assert text == path.read_text(encoding="utf-8"), "if it is meant: UPDATE_GOLDEN=1"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_golden_plans_are_read_back(path: Path) -> None:
    plan = read_plan(path)
    assert plan_from_text(plan.to_text()) == plan


def test_no_golden_plan_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(sample_pipelines())
