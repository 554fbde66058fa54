"""Sessions over the toy pipelines of the integration tests, without an executor host."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline_lib.plan.models import Node, Plan
from pipeline_lib.runtime.launcher import Launcher, RunContext
from pipeline_lib.runtime.runner import LocalResults
from pipeline_lib.runtime.scope import Scope
from pipeline_lib.runtime.session import Session
from pipeline_lib.settings import ArtifactSettings, HostSettings, MetadataSettings, Profile

TOYS = Path(__file__).parents[2] / "integration/pipelines"


def toy_profile(folder: Path) -> Profile:
    return Profile(
        state_dir=folder / "state",
        import_paths=(TOYS,),
        metadata=MetadataSettings(url=f"sqlite:///{folder}/metadata.sqlite"),
        artifacts=ArtifactSettings(root=str(folder / "artifacts")),
        host=HostSettings(enabled=False),
    )


def toy_plan(name: str) -> Plan:
    if str(TOYS) not in sys.path:
        sys.path.insert(0, str(TOYS))
    import toy.pipeline as toy

    plan: Plan = getattr(toy, name).compile()
    return plan


def node_of(plan: Plan, name: str, **changes: Any) -> Node:
    (node,) = [node for node in plan.nodes if node.id == name]
    return node.model_copy(update=changes)


def scope_of(plan: Plan, parameters: Mapping[str, Any]) -> Scope:
    return Scope(plan=plan, parameters=parameters, results=LocalResults())


def launcher_of(session: Session, plan: Plan, run_id: str = "run-1", **context: Any) -> Launcher:
    session.store.register_types(plan.artifact_types)
    return session.launcher(RunContext(pipeline=plan.name, run_id=run_id, **context))
