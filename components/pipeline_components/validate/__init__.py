"""Validation of examples by their statistics: against a schema, earlier spans and serving data."""

from pipeline_components.validate.components import validate_examples

__all__ = ["validate_examples"]
