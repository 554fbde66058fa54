"""A component that another interpreter executes."""

from pipeline_lib import component
from shop.kinds import Number, number_of


@component(environment="other")
def outsource(number: Number) -> Number:
    """Made elsewhere."""
    return number_of(number.value + 7)
