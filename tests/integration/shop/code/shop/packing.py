"""A component that imports an installed distribution, and settings that may be there."""

import lockedlib

from pipeline_lib import component
from shop.kinds import Number, number_of

try:
    from shop.local_settings import extra
except ImportError:
    extra = 0


@component
def pack(number: Number) -> Number:
    """Packed by a library."""
    return number_of(lockedlib.packed(number.value) + extra)
