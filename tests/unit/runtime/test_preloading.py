"""What the host should import ahead."""

from pathlib import Path

import pytest

from pipeline_lib.plan.expressions import Constant, FromParameter
from pipeline_lib.plan.models import CodeRef, Node, Plan
from pipeline_lib.runtime.preloading import preload_of
from pipeline_lib.runtime.runner import LocalResults
from pipeline_lib.runtime.scope import Scope
from pipeline_lib.settings import Profile


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    (tmp_path / "steps.py").write_text("def run():\n    import pyarrow.parquet\n")
    (tmp_path / "model.py").write_text("import tensorflow as tf\n")
    return Profile(state_dir=tmp_path / "state", import_paths=(tmp_path,))


def node(module: str, **more: object) -> Node:
    return Node.model_validate({"id": module, "code": CodeRef(module=module, qualname="run"), **more})


def preload(profile: Profile, *nodes: Node) -> tuple[str, ...]:
    plan = Plan(name="p", code=CodeRef(module="m", qualname="p"), nodes=nodes)
    scope = Scope(plan=plan, parameters={"module": "model"}, results=LocalResults())
    return preload_of(nodes, scope, profile)


def test_a_light_component_needs_nothing_and_a_resolver_is_none(profile: Profile, tmp_path: Path) -> None:
    (tmp_path / "light.py").write_text("def run(): ...\n")
    assert preload(profile, node("light"), node("steps", kind="resolver")) == ()


def test_what_a_component_imports_counts_even_in_its_body(profile: Profile) -> None:
    assert any(name.startswith("pyarrow") for name in preload(profile, node("steps")))


@pytest.mark.parametrize("value", [Constant(value="model"), FromParameter(name="module")])
def test_so_does_a_users_module(profile: Profile, value: Constant | FromParameter) -> None:
    users = node("steps", parameters={"module": value}, user_modules=("module",))
    assert "tensorflow" in preload(profile, users)


def test_code_that_cannot_be_found_is_left_out(profile: Profile) -> None:
    assert preload(profile, node("nowhere")) == ()
