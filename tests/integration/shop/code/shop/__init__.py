"""A facade: it only passes names on."""

from shop.maths import average

__all__ = ["average"]
