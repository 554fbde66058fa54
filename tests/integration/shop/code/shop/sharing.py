"""A component that reads a constant of a facade."""

from pipeline_lib import component
from shop.kinds import Number, number_of
from shop.limits import SHARE


@component
def share(number: Number) -> Number:
    """A part of it."""
    return number_of(number.value * SHARE)
