"""A component whose helper comes through two facades."""

from collections.abc import Sequence

from pipeline_lib import component
from shop import average
from shop.kinds import Number, number_of


@component
def centre(numbers: Sequence[Number]) -> Number:
    """The average, and a little of the first."""
    return number_of(average([number.value for number in numbers]) + numbers[0].value / 100)
