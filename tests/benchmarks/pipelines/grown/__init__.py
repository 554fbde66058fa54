"""Pipelines over as many rows as one likes."""
