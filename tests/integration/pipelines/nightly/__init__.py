"""Pipelines for what only an orchestrator does: approvals, waiting, schedules on each other's artifacts."""
