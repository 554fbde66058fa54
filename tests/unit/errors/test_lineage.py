"""Errors of lineage are caught by the range of their codes."""

import pytest

from pipeline_lib.errors import PipelineError, lineage


@pytest.mark.parametrize(
    "cls",
    [
        lineage.UnknownSubjectError,
        lineage.AmbiguousSubjectError,
        lineage.NotAModelError,
        lineage.LineageCycleError,
        lineage.LineageQueryError,
    ],
)
def test_codes_are_of_the_range_of_lineage(cls: type[PipelineError]) -> None:
    assert str(cls("what", fix="how")).startswith("[PL9")
