"""The `pipeline` command."""

from pipeline_lib.cli.app import app

__all__ = ["app"]
