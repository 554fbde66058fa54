"""Errors of authoring: what Python may and may not swallow of them."""

import os.path

import pytest

from pipeline_lib import pipeline
from pipeline_lib.errors import PipelineError, RecordedValueError, UnknownAttributeError, authoring
from unit.dsl.parts import ingest


@pipeline(name="asks")
def asks(source: str) -> None:
    """Asks a recorded artifact for what it may not have."""
    examples = ingest(source=source)
    assert hasattr(examples, "split_names")
    assert not hasattr(examples, "split_nmaes")


@pipeline(name="joins")
def joins(source: str) -> None:
    """Takes a parameter for a text."""
    ingest(source=os.path.join("data", source))  # noqa: PTH118


def test_hasattr_is_answered() -> None:
    assert issubclass(UnknownAttributeError, AttributeError)
    assert asks.compile().node("ingest")


def test_no_function_of_python_s_swallows_the_use_of_a_recorded_value() -> None:
    """`os.path.join` turns a TypeError into one of its own, which would not say what to do."""
    with pytest.raises(RecordedValueError, match="source"):
        joins.compile()


@pytest.mark.parametrize(
    "cls", [cls for cls in vars(authoring).values() if isinstance(cls, type) and cls is not PipelineError]
)
def test_codes_are_of_the_range_of_authoring(cls: type[PipelineError]) -> None:
    assert str(cls("what", fix="how")).startswith("[PL1")
