"""Errors of pages."""

from pipeline_lib.errors import PageServerError


def test_errors_of_pages_are_told_by_their_range() -> None:
    assert PageServerError.code.startswith("PL92")
