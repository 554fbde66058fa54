"""A task and its supervisor; with real ones in integration/test_airflow_kills.py."""

import subprocess
import sys


def test_without_a_supervisor_nothing_is_tied() -> None:
    code = (
        "import ctypes\n"
        "from pipeline_lib.airflow.supervision import die_with_supervisor\n"
        "die_with_supervisor()\n"
        "signal = ctypes.c_int()\n"
        "ctypes.CDLL(None).prctl(2, ctypes.byref(signal))\n"  # PR_GET_PDEATHSIG
        "print(signal.value)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
