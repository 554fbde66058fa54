"""A component with a module of the user's."""

from pipeline_lib import UserModule, component
from shop.kinds import Number, number_of


@component
def judge(number: Number, *, module: UserModule) -> Number:
    """What the user's module makes of it."""
    return number_of(module.load().judged(number.value))
