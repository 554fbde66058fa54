"""From a pipeline's function to its plan, and the author's line for whatever goes wrong in it."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from pipeline_lib import pipeline
from pipeline_lib.errors import DeclarationError, OutsidePipelineError, PipelineCodeError
from unit.dsl.parts import compiled, ingest, notify, sample, train


def test_a_plan_is_the_same_every_time() -> None:
    assert compiled(sample).to_text() == compiled(sample).to_text()


def misspelt() -> None:
    ingst()  # type: ignore[name-defined]  # noqa: F821


def unknown() -> None:
    zzyzx()  # type: ignore[name-defined]  # noqa: F821


def missing_file() -> None:
    with open("/no/such/file") as file:  # noqa: PTH123
        file.read()


def text_of_a_value() -> None:
    notify("day: " + 3)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("body", "summary", "fix"),
    [
        pytest.param(misspelt, "raised NameError", "did you mean ingest?", id="near"),
        pytest.param(unknown, "raised NameError", "import zzyzx, or assign it first", id="far"),
        pytest.param(missing_file, "raised FileNotFoundError", "mend the line named here", id="file"),
        pytest.param(text_of_a_value, "raised TypeError", "compute with them in a component", id="type"),
    ],
)
def test_any_error_in_the_function_has_the_authors_line(
    body: Callable[[], None], summary: str, fix: str
) -> None:
    with pytest.raises(PipelineCodeError, match=summary) as caught:
        compiled(body)
    assert fix in caught.value.fix
    assert f"test_compiling.py:{body.__code__.co_firstlineno + 1}" in str(caught.value.at)


def test_a_pipeline_is_not_compiled_inside_another() -> None:
    inner = pipeline(name="inner")(sample)
    with pytest.raises(OutsidePipelineError, match="pipeline inner is compiled inside a @pipeline"):
        compiled(lambda: inner.compile())  # noqa: PLW0108


@pytest.mark.parametrize(
    ("options", "span"),
    [({}, "day"), ({"span": None}, None), ({"span": "day"}, "day")],
    ids=["only", "none", "named"],
)
def test_the_date_is_the_span(options: dict[str, Any], span: str | None) -> None:
    def body(day: date, steps: int = 3) -> None:
        train(ingest(span=day), steps=steps)

    assert compiled(body, **options).span_parameter == span


def test_a_span_that_is_no_date_is_refused() -> None:
    def body(day: date, steps: int = 3) -> None:
        train(ingest(span=day), steps=steps)

    with pytest.raises(DeclarationError, match="span='steps' is no date parameter"):
        compiled(body, span="steps")
