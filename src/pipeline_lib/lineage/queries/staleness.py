"""What late data makes stale: artifacts made from a version of a span that is no longer the newest."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline_lib.lineage.queries.graph import DEFAULT_BOUNDS, Bounds, downstream
from pipeline_lib.metadata.records import ArtifactQuery, ArtifactState, StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store

_EVERY_SPAN = (-(2**40), 2**40)
_Output = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """An output for a span of which there is a newer version: made for the same span of runs, otherwise.

    Attributes:
        old: Made first, with other content.
        new: What counts now: windows and later runs take it.
    """

    span: int
    old: StoredArtifact
    new: StoredArtifact


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleArtifact:
    """Something made from an old version, and not made anew since.

    Attributes:
        run_span: ISO date of the span that its run was of, or "".
        old: Ids of the old versions that it was made from.
    """

    artifact: StoredArtifact
    run_span: str
    old: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Staleness:
    """What is stale, and what would mend it.

    Attributes:
        versions: Spans that have a newer version.
        artifacts: What was made from the older ones, by run span and id.
        truncated: Whether there was more than the bounds allow to read.
    """

    versions: tuple[NewVersion, ...]
    artifacts: tuple[StaleArtifact, ...]
    truncated: bool = False

    @property
    def run_again(self) -> tuple[str, ...]:
        """The spans to run again, oldest first."""
        return tuple(sorted({stale.run_span for stale in self.artifacts if stale.run_span}))


def stale(
    store: Store,
    *,
    pipeline: str | None = None,
    spans: tuple[int, int] = _EVERY_SPAN,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> Staleness:
    """Find what was made from old versions of spans.

    Args:
        store: Where the runs are recorded.
        pipeline: Only new versions that this pipeline made; what is stale may be another's.
        spans: Only of these spans, both included.
        bounds: How far to go, and how many artifacts with a span to look at, newest first.
    """
    query = ArtifactQuery(pipeline=pipeline, span=spans, limit=bounds.artifacts)
    found = store.artifacts(query)
    makers = _Makers(store=store, limit=bounds.artifacts)
    versions = tuple(_versions(found, makers))
    artifacts: dict[int, tuple[StoredArtifact, set[int]]] = {}
    truncated = len(found) == bounds.artifacts
    for version in versions:
        lineage = downstream(store, [version.old], bounds=bounds)
        truncated = truncated or lineage.truncated
        for artifact in lineage.artifacts:
            if artifact.id != version.old.id:
                artifacts.setdefault(artifact.id, (artifact, set()))[1].add(version.old.id)
    superseded = {version.old.id for version in versions}
    kept = [
        StaleArtifact(artifact=artifact, run_span=makers.run_span(artifact), old=tuple(sorted(old)))
        for artifact, old in artifacts.values()
        if artifact.id not in superseded
        and artifact.state is ArtifactState.LIVE
        and not makers.made_anew(artifact, artifacts.keys() | superseded)
    ]
    return Staleness(
        # What was made anew from another of them is no news.
        versions=tuple(version for version in versions if version.old.id not in artifacts),
        artifacts=tuple(sorted(kept, key=lambda one: (one.run_span, one.artifact.id))),
        truncated=truncated,
    )


def stale_since(store: Store, executions: Sequence[StoredExecution]) -> Staleness:
    """What became stale by the executions of a run: only spans that they made are looked at."""
    made = [
        artifact
        for execution in executions
        if execution.state.succeeded
        for artifacts in execution.outputs.values()
        for artifact in artifacts
    ]
    spans = [span for artifact in made if isinstance(span := artifact.properties.get("span"), int)]
    if not spans:
        return Staleness(versions=(), artifacts=())
    return stale(store, pipeline=executions[0].key.pipeline, spans=(min(spans), max(spans)))


def _versions(found: Iterable[StoredArtifact], makers: "_Makers") -> Iterator[NewVersion]:
    """Of each output and span, what the newest run made counts; what earlier ones made otherwise is old."""
    by_output: dict[_Output, list[StoredArtifact]] = defaultdict(list)
    for artifact in sorted(found, key=lambda artifact: -artifact.id):
        span = artifact.properties.get("span")
        if isinstance(span, int):
            by_output[artifact.pipeline, artifact.node, artifact.port, span].append(artifact)
    for (_, _, _, span), artifacts in sorted(by_output.items()):
        if len({artifact.digest for artifact in artifacts}) == 1:
            continue
        newest: dict[str, StoredArtifact] = {}
        for artifact in artifacts:
            newest.setdefault(makers.run_span(artifact), artifact)
        for artifact in artifacts:
            new = newest[makers.run_span(artifact)]
            # A loop or a list makes several in one run, which are no versions of each other.
            current = {other.digest for other in artifacts if other.run_id == new.run_id}
            if artifact.digest not in current:
                yield NewVersion(span=span, old=artifact, new=new)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Makers:
    """Who made what for which span, each node's history read once."""

    store: Store
    limit: int
    _spans: dict[str, str] = field(default_factory=dict)
    _latest: dict[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)
    _outputs: dict[int, frozenset[int]] = field(default_factory=dict)

    def run_span(self, artifact: StoredArtifact) -> str:
        """The span of the run that made an artifact."""
        if artifact.run_id not in self._spans:
            run = self.store.run(artifact.run_id)
            self._spans[artifact.run_id] = run.span if run is not None else ""
        return self._spans[artifact.run_id]

    def made_anew(self, artifact: StoredArtifact, old: Iterable[int]) -> bool:
        """Whether the node's latest success for that span put out nothing of the old."""
        latest = self._history(artifact.pipeline, artifact.node).get(self.run_span(artifact))
        return latest is not None and self._made(latest).isdisjoint(old)

    def _history(self, pipeline: str, node: str) -> Mapping[str, int]:
        if (pipeline, node) not in self._latest:
            found: dict[str, int] = {}
            for execution in self.store.node_history(pipeline, node, limit=self.limit):
                if execution.state.succeeded:
                    found.setdefault(str(execution.facts.get("run_span", "")), execution.id)
            self._latest[pipeline, node] = found
        return self._latest[pipeline, node]

    def _made(self, execution_id: int) -> frozenset[int]:
        if execution_id not in self._outputs:
            execution = self.store.execution(execution_id)
            ports = execution.outputs.values() if execution is not None else ()
            self._outputs[execution_id] = frozenset(a.id for artifacts in ports for a in artifacts)
        return self._outputs[execution_id]
