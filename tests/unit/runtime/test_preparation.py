"""What a node reads and is given, before anything is executed."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.errors import DriverFailedError, UnresolvedValueError
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.plan.expressions import Constant
from pipeline_lib.plan.models import CodeRef, InputPort
from pipeline_lib.runtime.preparation import Prepared, load, prepare
from unit.runtime.toy_runs import TOYS, node_of, scope_of, toy_plan, toy_profile

KEY = NodeKey(pipeline="chain", run_id="run-1", node="read")


def prepared(folder: Path, given: dict[str, Any], **changes: Any) -> Prepared:
    plan = toy_plan("chain")
    return prepare(node_of(plan, "read", **changes), KEY, scope_of(plan, given), toy_profile(folder))


def test_what_the_driver_finds_joins_the_parameters(tmp_path: Path, number: dict[str, Any]) -> None:
    found = prepared(tmp_path, number)
    assert found.parameters == {"source": number["source"], "span": 0, "text": "7"}
    assert (len(found.cache_key), found.preload) == (64, ())


def test_the_modules_that_the_key_counts_are_named_with_their_digests(
    tmp_path: Path, number: dict[str, Any]
) -> None:
    """For the child, which compares them: a file may be edited before it is imported."""
    source = TOYS / "toy/components.py"
    found = prepared(tmp_path, number)
    assert found.sources[str(source)] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert set(found.sources.values()) <= set(found.parts.files.values())


def test_a_node_that_is_not_cached_has_no_key(tmp_path: Path, number: dict[str, Any]) -> None:
    options = node_of(toy_plan("chain"), "read").options
    off = options.model_copy(update={"cache": options.cache.model_copy(update={"enabled": False})})
    assert prepared(tmp_path, number, options=off).cache_key == ""


def test_a_required_input_without_artifacts_is_an_error(tmp_path: Path, number: dict[str, Any]) -> None:
    absent = InputPort(artifact_type="Number", source=Constant(value=None))
    with pytest.raises(UnresolvedValueError, match=r"read\.number has nothing to read") as caught:
        prepared(tmp_path, number, inputs={"number": absent})
    assert "Number | None" in caught.value.fix


def test_an_optional_input_may_be_absent(tmp_path: Path, number: dict[str, Any]) -> None:
    absent = InputPort(artifact_type="Number", source=Constant(value=None), optional=True)
    assert prepared(tmp_path, number, inputs={"number": absent}).inputs == {"number": ()}


def test_a_driver_must_answer_in_json(tmp_path: Path, number: dict[str, Any]) -> None:
    driver = CodeRef(module="executor_drivers", qualname="not_json")
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers/executor_drivers.py").write_text(
        "def not_json(found):\n    return {'x': object()}\n"
    )
    profile = toy_profile(tmp_path).model_copy(update={"import_paths": (TOYS, tmp_path / "drivers")})
    plan = toy_plan("chain")
    with pytest.raises(DriverFailedError, match="the driver of read failed: "):
        prepare(node_of(plan, "read", driver=driver), KEY, scope_of(plan, number), profile)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(CodeRef(module="no_such_module", qualname="f"), id="module"),
        pytest.param(CodeRef(module="toy.components", qualname="gone"), id="name"),
    ],
)
def test_code_that_is_gone_is_named(code: CodeRef) -> None:
    with pytest.raises(DriverFailedError, match="cannot be imported") as caught:
        load(code, [TOYS])
    assert caught.value.at == str(code)
