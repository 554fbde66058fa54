"""A lineage as a W3C PROV document.

Source:
    W3C, "PROV-DM: The PROV Data Model" and "The PROV-JSON Serialization".
"""

import json
from collections.abc import Mapping
from typing import Any

from pipeline_lib.hashing import canonical_json
from pipeline_lib.lineage.queries.graph import Lineage, inputs_of, outputs_of
from pipeline_lib.lineage.queries.sources import source_files
from pipeline_lib.metadata.records import StoredArtifact, StoredExecution

_NAMESPACE = "https://pypi.org/project/pipeline-lib/prov#"


def prov_json(lineage: Lineage) -> Mapping[str, Any]:
    """Artifacts and files as entities, executions as activities, users as agents; as PROV-JSON."""
    from prov.model import ProvDocument

    document = ProvDocument()
    document.add_namespace("pl", _NAMESPACE)
    for artifact in lineage.artifacts:
        document.entity(f"pl:artifact-{artifact.id}", _entity(artifact))
    for user in sorted({str(e.facts["user"]) for e in lineage.executions if e.facts.get("user")}):
        document.agent(_agent(user), {"prov:type": "prov:Person", "prov:label": user})
    for file in source_files(lineage.executions):
        document.entity(
            f"pl:file-{file.sha256}",
            {"prov:type": "pl:File", "prov:label": file.name, "pl:sha256": file.sha256},
        )
    known = {artifact.id for artifact in lineage.artifacts}
    for execution in lineage.executions:
        _add(document, execution, known)
    # Records that say the same twice (one file read by two executions) are one.
    found: Mapping[str, Any] = json.loads(document.unified().serialize(format="json") or "{}")
    return found


def _add(document: Any, execution: StoredExecution, known: set[int]) -> None:
    name = f"pl:execution-{execution.id}"
    document.activity(name, execution.started_at, execution.updated_at, _activity(execution))
    read = {f"pl:artifact-{one.id}" for one in inputs_of(execution) if one.id in known}
    read |= {f"pl:file-{file.sha256}" for file in source_files([execution])}
    for entity in sorted(read):
        document.used(name, entity, identifier=f"pl:use-{execution.id}-{entity.removeprefix('pl:')}")
    for artifact in outputs_of(execution):
        if artifact.id in known:
            made = f"pl:artifact-{artifact.id}"
            document.wasGeneratedBy(
                made, name, artifact.created_at, identifier=f"pl:making-{execution.id}-{artifact.id}"
            )
    if user := execution.facts.get("user"):
        document.wasAssociatedWith(name, _agent(str(user)), identifier=f"pl:association-{execution.id}")


def _entity(artifact: StoredArtifact) -> dict[str, Any]:
    return {
        "prov:type": f"pl:{artifact.type_name}",
        "prov:label": f"{artifact.type_name} {artifact.id}",
        "prov:location": artifact.uri,
        "pl:digest": artifact.digest,
        "pl:state": artifact.state.value,
        "pl:properties": canonical_json(dict(artifact.properties)),
    }


def _activity(execution: StoredExecution) -> dict[str, Any]:
    facts = execution.facts
    return {
        "prov:type": "pl:Execution",
        "prov:label": f"{execution.key.pipeline}.{execution.key}",
        "pl:run": execution.key.run_id,
        "pl:component": execution.type_name,
        "pl:parameters": canonical_json(dict(execution.parameters)),
        "pl:commit": str(facts.get("git_commit", "")),
        "pl:dirty": bool(facts.get("git_dirty")),
        "pl:environment": str(facts.get("environment_digest", "")),
    }


def _agent(user: str) -> str:
    """A name that is one in every serialization, whatever the user is called."""
    return f"pl:user-{user.encode().hex()}"
