"""A launcher in a process of its own, to be killed: MODE DIRECTORY REQUEST LOG."""

import sys
from pathlib import Path

from pipeline_lib.runtime.execution import Executor
from pipeline_lib.runtime.messages import Request
from pipeline_lib.settings import HostSettings

mode, directory, request, log = sys.argv[1:]
settings = HostSettings(directory=Path(directory), idle_timeout_seconds=60, kill_grace_seconds=0.5)
Executor(host=settings, cold=mode == "cold").execute(
    Request.model_validate_json(Path(request).read_text()), log_path=Path(log), preload=("decimal",)
)
