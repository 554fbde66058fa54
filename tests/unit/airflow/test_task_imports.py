"""What is imported for tasks before they are forked."""

import json
import subprocess
import sys

PROGRAM = """
import json, os, sys
import pipeline_lib.airflow.task_imports
tops = {name.partition(".")[0] for name in sys.modules}
print(json.dumps([len(os.listdir("/proc/self/task")), sorted(tops & set(sys.argv[1:]))]))
"""
NOT_FOR_EVERY_TASK = ("pipeline_components", "tensorflow", "apache_beam", "pyarrow", "pandas", "fastapi")


def test_it_is_light_and_may_be_forked() -> None:
    """A thread would not survive the fork; what a pipeline's author edits, the task itself must import."""
    command = [sys.executable, "-c", PROGRAM, *NOT_FOR_EVERY_TASK, "ml_metadata"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == [1, ["ml_metadata"]]
