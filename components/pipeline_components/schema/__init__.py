"""Schemas: inferred from statistics, or imported from a file."""

from pipeline_components.schema.components import import_schema, infer_schema

__all__ = ["import_schema", "infer_schema"]
