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
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["pipeline_lib.airflow.operators", "pipeline_lib.airflow.approval"],
            }
        ],
        "triggers": [{"integration-name": _INTEGRATION, "python-modules": ["pipeline_lib.airflow.waiting"]}],
        "extra-links": [
            f"pipeline_lib.airflow.links.{name}"
            for name in ("ReportLink", "ExecutionLink", "LineageLink", "CachedFromLink")
        ],
        # No "plugins": the entry point airflow.plugins loads ours, and Airflow complains of one named twice.
        "config": {
            "pipeline_lib": {
                "description": "The pages of runs, models and lineage in the UI.",
                "options": {
                    "profile": _option("Profile whose store the pages read: configs/<profile>.yaml."),
                    "project": _option("Folder with configs/; relative paths of the profile start there."),
                },
            }
        },
    }


def _option(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "version_added": None,
        "type": "string",
        "example": None,
        "default": "",
    }
