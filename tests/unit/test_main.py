"""The `pipeline` command as a process of its own."""

import subprocess
import sys


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "pipeline_lib", "run", "no-such-pipeline"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no-such-pipeline" in done.stderr
    usage = subprocess.run([*command[:3], "--help"], capture_output=True, text=True, check=True).stdout
    assert "Usage: pipeline [OPTIONS]" in usage
