"""What `airflow providers` shows of this package.

Airflow imports this while it reads its configuration: neither this module nor a package around it may import
Airflow.
"""

from importlib.metadata import version
from typing import Any

_PACKAGE = "pipeline-lib"
_INTEGRATION = "Machine-learning pipelines"


def get_provider_info() -> dict[str, Any]:
    """Metadata in the form of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": _PACKAGE,
        "name": "Pipelines",
        "description": "Typed machine-learning pipelines: cached by content, recorded in ML Metadata.",
        "versions": [version(_PACKAGE)],
        "integrations": [{"integration-name": _INTEGRATION, "external-doc-url": "", "tags": ["software"]}],
        "operators": [
            {"integration-name": _INTEGRATION, "python-modules": ["pipeline_lib.airflow.operators"]}
        ],
    }
