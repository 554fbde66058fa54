"""Nodes that execute nothing: resolvers choose artifacts of earlier runs, importers record existing files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.artifacts.properties import from_json
from pipeline_lib.artifacts.store import ArtifactStore, is_remote, local_path
from pipeline_lib.errors import PipelineError, ResolverFailedError
from pipeline_lib.metadata.records import (
    ArtifactQuery,
    ArtifactState,
    NewArtifact,
    NewExecution,
    NodeKey,
    StoredArtifact,
)
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import Node
from pipeline_lib.runtime.messages import InputArtifact
from pipeline_lib.runtime.preparation import load
from pipeline_lib.runtime.results import NodeResult, Outcome
from pipeline_lib.runtime.scope import Scope
from pipeline_lib.spans import date_of_span


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHistory:
    """What a resolver sees of earlier runs: `pipeline_lib.dsl.resolvers.History` over the metadata store."""

    store: Store
    pipeline: str
    run_id: str
    span: date | None

    def artifacts(
        self,
        kind: type[Artifact],
        *,
        like: Artifact | None = None,
        spans: tuple[int, int] | None = None,
        before_this_span: bool = False,
        equal: Mapping[str, Any] | None = None,
        limit: int = 100,
    ) -> list[Any]:
        """LIVE artifacts of a type in this pipeline, newest first."""
        maker = self.store.artifact(like.id) if like is not None and like.id is not None else None
        found = self.store.artifacts(
            ArtifactQuery(
                type_name=kind.type_name,
                pipeline=maker.pipeline if maker else self.pipeline,
                node=maker.node if maker else None,
                port=maker.port if maker else None,
                span=spans,
                run_span_before=self.span.isoformat() if before_this_span and self.span else None,
                equal=equal or {},
                limit=limit,
            )
        )
        return [_as_artifact(kind, stored) for stored in found]

    def artifact(self, kind: type[Artifact], artifact_id: int) -> Any:
        """The LIVE artifact of that type and id, or None."""
        stored = self.store.artifact(artifact_id)
        if stored is None or stored.type_name != kind.type_name or stored.state is not ArtifactState.LIVE:
            return None
        return _as_artifact(kind, stored)


def resolve_node(
    node: Node, key: NodeKey, scope: Scope, store: Store, span: str, import_paths: Sequence[Path]
) -> NodeResult:
    """Let a resolver choose.

    Raises:
        ResolverFailedError: It raised, or chose what is not in the store.
    """
    resolver = load(node.code, import_paths)
    history = StoreHistory(
        store=store,
        pipeline=key.pipeline,
        run_id=key.run_id,
        span=date.fromisoformat(span) if span else None,
    )
    inputs = {
        port: tuple(
            InputArtifact(
                id=a.id,
                uri=a.uri,
                digest=a.digest,
                properties=dict(a.properties),
                artifact_class=str(scope.plan.artifact_types[spec.artifact_type].code),
            )
            for a in artifacts_in(scope.evaluate(spec.source))
        )
        for port, spec in node.inputs.items()
    }
    parameters = {name: scope.evaluate(value) for name, value in node.parameters.items()}
    try:
        chosen = resolver.execute(history, inputs, parameters)
    except PipelineError:
        raise
    except Exception as error:
        raise ResolverFailedError(
            f"{node.id} failed: {type(error).__name__}: {error}", at=str(node.code), fix="mend the resolver"
        ) from error
    stored = tuple(_from_store(store, node, artifact) for artifact in chosen)
    spec = node.outputs["result"]
    return NodeResult(
        key=key,
        outcome=Outcome.RESOLVED,
        outputs={"result": stored},
        reason=_summary(stored, many=spec.many, dated=bool(span)),
    )


def import_existing(
    node: Node, key: NodeKey, scope: Scope, store: Store, artifacts: ArtifactStore
) -> NodeResult:
    """Record files that exist already as an artifact, once per content."""
    parameters = {name: scope.evaluate(value) for name, value in node.parameters.items()}
    spec = node.outputs["result"]
    uri = str(parameters["uri"])
    if not is_remote(uri):
        uri = str(local_path(uri).resolve())
    properties = dict(parameters.get("properties") or {})
    manifest = artifacts.adopt(uri, spec.artifact_type, properties)
    execution = NewExecution(
        key=key, type_name="pipeline_lib.importer", cache_key="", inputs={}, parameters=parameters
    )
    execution_id, stored = store.import_artifact(
        execution,
        NewArtifact(
            type_name=spec.artifact_type,
            uri=uri,
            digest=manifest.digest,
            properties=properties,
            size_bytes=manifest.size_bytes,
        ),
    )
    return NodeResult(
        key=key,
        outcome=Outcome.COMPLETE,
        outputs={"result": (stored,)},
        execution_id=execution_id,
        reason=f"imported {uri}",
    )


def artifacts_in(value: Any) -> tuple[StoredArtifact, ...]:
    """What an input's expression gave, as a tuple: one artifact, a list of them, or none."""
    found = value if isinstance(value, list | tuple) else [value]
    return tuple(item for item in found if item is not None)


def _as_artifact(kind: type[Artifact], stored: StoredArtifact) -> Artifact:
    return kind.at(
        stored.uri,
        digest=stored.digest,
        id=stored.id,
        **from_json(kind.property_specs(), stored.properties),
    )


def _from_store(store: Store, node: Node, artifact: Artifact) -> StoredArtifact:
    stored = store.artifact(artifact.id) if artifact.id is not None else None
    if stored is None:
        raise ResolverFailedError(
            f"{node.id} chose an artifact that the store does not know",
            at=artifact.uri,
            fix="return only artifacts that `history.artifacts(...)` gave, or that were passed in",
        )
    return stored


def _summary(chosen: tuple[StoredArtifact, ...], *, many: bool, dated: bool) -> str:
    if not chosen:
        return "found none"
    spans = [a.properties["span"] for a in chosen if "span" in a.properties]
    if many and spans:
        first, last = (_span_text(span, dated=dated) for span in (min(spans), max(spans)))
        return f"{len(chosen)} artifacts, {first} to {last}" if len(chosen) > 1 else f"1 artifact, {first}"
    return ", ".join(f"{a.type_name} {a.id}" for a in chosen[:3]) + (" ..." if len(chosen) > 3 else "")


def _span_text(span: int, *, dated: bool) -> str:
    """A run that is of a day has spans that count days since 1970."""
    return str(date_of_span(span)) if dated else f"span {span}"
