"""Days as spans: the whole number by which artifacts tell which day their data is of."""

from datetime import date, timedelta

_FIRST = date(1970, 1, 1)


def span_of_date(day: date) -> int:
    """Days since 1970-01-01, which is how a date is a span."""
    return (day - _FIRST).days


def date_of_span(span: int) -> date:
    """The date whose span that is.

    Raises:
        OverflowError: There is no such date.
    """
    return _FIRST + timedelta(days=span)
