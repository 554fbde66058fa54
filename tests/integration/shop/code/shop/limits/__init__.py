"""A facade with a constant."""

SHARE = 0.5
