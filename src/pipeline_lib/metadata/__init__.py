"""Runs, executions and artifacts: the store's interface and its ML Metadata implementation."""
