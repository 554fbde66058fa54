"""The package as Airflow's providers manager sees it."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import airflow
import jsonschema

from pipeline_lib.airflow.provider import get_provider_info


def test_metadata_has_airflows_form() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_reading_it_does_not_import_airflow() -> None:
    program = "import sys, pipeline_lib.airflow.provider; sys.exit('airflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_what_it_names_is_there() -> None:
    info = get_provider_info()
    for name in info["extra-links"]:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute)
    for part in ("operators", "triggers"):
        for module in [module for group in info[part] for module in group["python-modules"]]:
            import_module(module)
    assert "plugins" not in info, "the entry point loads it; twice would be an error in Airflow's UI"
