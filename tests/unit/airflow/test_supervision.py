"""A task and its supervisor; with real ones in integration/airflow/postgresql/test_kills.py."""

import re
import subprocess
import sys
from pathlib import Path

import pipeline_lib.airflow

# Of the plugin, which only the API server loads.
OF_THE_API_SERVER = {"pages.py", "plugin.py", "views.py"}


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


def test_nothing_that_a_task_imports_reaches_for_airflows_database() -> None:
    folder = Path(pipeline_lib.airflow.__file__).parent
    orm = re.compile(r"airflow\.(models|settings|utils\.session|utils\.db)|create_session|provide_session")
    found = {
        file.name: match[0]
        for file in folder.glob("*.py")
        if file.name not in OF_THE_API_SERVER and (match := orm.search(file.read_text()))
    }
    assert found == {}
