"""What the child is asked to do: a prepared node as a `Request`."""

from pathlib import Path

from pipeline_lib.runtime.messages import InputArtifact, Request
from pipeline_lib.runtime.preparation import Prepared
from pipeline_lib.settings import Profile


def request_of(
    prepared: Prepared, profile: Profile, span: str, execution_id: int, *, staging: Path, log: Path
) -> Request:
    """The request for one try at a node.

    Args:
        prepared: The node, its inputs and parameters.
        profile: Where everything is.
        span: ISO date of the run's span, or "".
        execution_id: The try.
        staging: Where its outputs go.
        log: Where it prints; what it keeps for people lies beside it.
    """
    node, key = prepared.node, prepared.key
    return Request(
        code=node.code,
        import_paths=tuple(str(Path(path).resolve()) for path in profile.import_paths),
        sources=dict(prepared.sources),
        inputs={
            port: tuple(
                InputArtifact(id=a.id, uri=a.uri, digest=a.digest, properties=dict(a.properties))
                for a in artifacts
            )
            for port, artifacts in prepared.inputs.items()
        },
        parameters=dict(prepared.parameters),
        staging=str(staging),
        kept=str(log.with_suffix("")),
        artifact_cache=str(Path(profile.state_dir).resolve() / "artifact-cache"),
        artifact_root=profile.artifacts.resolved_root(),
        storage_options=profile.artifacts.storage_options,
        beam=profile.beam.resolved(node.options.beam),
        context={
            "pipeline": key.pipeline,
            "run_id": key.run_id,
            "node": str(key),
            "execution_id": execution_id,
            "span": span,
            "serving": profile.serving.resolved().model_dump(mode="json"),
        },
        environment=node.options.environment,
    )
