"""Another, behind the first."""

from shop.maths.centres import mean as average
from shop.unrelated import shout

__all__ = ["average", "shout"]
