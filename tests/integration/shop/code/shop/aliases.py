"""Names of types."""

Weights = list[int]
