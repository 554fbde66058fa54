"""Schemas: inferred from statistics, or imported from a file."""

from pipeline_components.schema.importing import import_schema
from pipeline_components.schema.inferring import infer_schema

__all__ = ["import_schema", "infer_schema"]
