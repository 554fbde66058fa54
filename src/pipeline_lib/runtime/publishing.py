"""The second half of launching a node: what a body left in staging becomes published artifacts."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pipeline_lib.artifacts.store import ArtifactStore
from pipeline_lib.errors import ArtifactStoreError, OutputMismatchError, PipelineError
from pipeline_lib.faults import reached
from pipeline_lib.metadata.records import NewArtifact, NodeKey
from pipeline_lib.plan.models import Node, OutputPort
from pipeline_lib.runtime.messages import OutputArtifact, Response


def publish_outputs(
    artifacts: ArtifactStore,
    node: Node,
    key: NodeKey,
    execution_id: int,
    response: Response,
    *,
    staging: Path,
) -> Mapping[str, tuple[NewArtifact, ...]]:
    """Check a response against the node's ports, hash the files, and rename them into place.

    Nothing is visible to a reader yet: the metadata store does not know the places.

    Raises:
        OutputMismatchError: A port is missing or unknown, or has too many artifacts or none.
        UnsafePayloadError: An output holds links that lead out, devices or sockets.
        ArtifactStoreError: The store refused a file; what was renamed before is taken back.
    """
    unknown = set(response.outputs) - set(node.outputs)
    if unknown:
        raise OutputMismatchError(
            f"{node.id} put out {', '.join(sorted(unknown))}, which its plan does not know",
            needs=", ".join(node.outputs) or "nothing",
            fix="compile the pipeline again: the component has changed",
        )
    for port, spec in node.outputs.items():
        _check_count(node, port, spec, response.outputs.get(port, ()))
    sealed = {
        port: [
            (output, artifacts.seal(_inside(staging, output, node), output.type_name, output.properties))
            for output in outputs
        ]
        for port, outputs in response.outputs.items()
    }
    reached("sealed")
    published: dict[str, tuple[NewArtifact, ...]] = dict.fromkeys(sealed, ())
    try:
        for port, outputs in sealed.items():
            for index, (output, manifest) in enumerate(outputs):
                uri = artifacts.publish(
                    Path(output.path),
                    manifest,
                    pipeline=key.pipeline,
                    node=str(key),
                    port=port,
                    execution_id=execution_id,
                    index=index if node.outputs[port].many else None,
                )
                made = NewArtifact(
                    type_name=output.type_name,
                    uri=uri,
                    digest=manifest.digest,
                    properties=output.properties,
                    size_bytes=manifest.size_bytes,
                )
                published[port] += (made,)
        reached("published")
    except (PipelineError, OSError):
        remove_outputs(artifacts, published)
        raise
    return published


def remove_outputs(artifacts: ArtifactStore, outputs: Mapping[str, tuple[NewArtifact, ...]]) -> None:
    """Take back what was renamed into place but will not be recorded; the doctor finds what resists."""
    for port in outputs.values():
        for artifact in port:
            with suppress(ArtifactStoreError):
                artifacts.remove(artifact.uri)


def _check_count(node: Node, port: str, spec: OutputPort, outputs: tuple[OutputArtifact, ...]) -> None:
    if spec.many or len(outputs) == 1 or (spec.optional and not outputs):
        return
    raise OutputMismatchError(
        f"{node.id}.{port} needs one artifact, the component returned {len(outputs)}",
        fix=f"return one {spec.artifact_type}, or declare the port as a list or as optional",
    )


def _inside(staging: Path, output: OutputArtifact, node: Node) -> Path:
    path = Path(output.path)
    if path.resolve().is_relative_to(staging.resolve()):
        return path
    raise OutputMismatchError(
        f"{node.id} returned an artifact that it did not make",
        at=output.path,
        fix=f"make outputs with `{output.type_name}.new(...)`; an input cannot be returned",
    )
