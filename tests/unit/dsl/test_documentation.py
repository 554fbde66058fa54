"""The how-to's examples compile as they stand."""

import re
import sys
import types
from pathlib import Path

import pytest

from pipeline_lib import Pipeline

PAGE = Path(__file__).parents[3] / "docs/how-to/author-a-pipeline.md"


def test_examples_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("author_a_pipeline")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    text = PAGE.read_text(encoding="utf-8")
    for block in re.finditer(r"```python\n(.*?)```", text, flags=re.DOTALL):
        line = text[: block.start(1)].count("\n")
        exec(compile("\n" * line + block[1], str(PAGE), "exec", dont_inherit=True), vars(module))
    plans = [value.compile() for value in vars(module).values() if isinstance(value, Pipeline)]
    assert [(plan.name, len(plan.nodes)) for plan in plans] == [("nightly", 6), ("everything", 14)]
