"""A component with helpers, a decorator, a lambda, options and a type alias."""

from pipeline_lib import component
from shop.aliases import Weights
from shop.decorating import rounded
from shop.kinds import Number, number_of
from shop.options import Options
from shop.tables import rate_of

BASE = 1
weigh = lambda weights: sum(place * weight for place, weight in enumerate(weights, start=1))  # noqa: E731


@rounded
def scaled(value, weights, options):
    return BASE + value * rate_of("usual") + weigh(weights) + options.offset


@component
def scale(
    number: Number,
    *,
    weights: Weights,
    rates: dict[str, float],
    label: int | str = 5,
    factor: int = 2,
    options: Options = Options(),  # noqa: B008
) -> Number:
    """A number, scaled."""
    del label
    return number_of(factor * scaled(number.value, weights, options) + rates["a"] - rates["b"])
