"""Finding and mending what killed processes and lost files leave behind."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline_lib.artifacts.store import ArtifactStore
from pipeline_lib.errors import CorruptPayloadError, MissingPayloadError
from pipeline_lib.metadata.records import ArtifactQuery, State
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.healing import clear_away, is_alive, is_dead, owner_of_staging, unrecorded

_STALE_STAGING = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        kind: `orphan`, `unrecorded`, `missing`, `corrupt`, `staging` or `serving`.
        subject: A run, execution, artifact or path.
        mended: What was done about it, or "" if it was only looked at.
    """

    kind: str
    subject: str
    detail: str
    mended: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """Looks over a store and its artifact root.

    Attributes:
        mend: Whether to put right what is found.
        full: Hash files instead of comparing sizes.
        limit: Runs, executions and artifacts looked at, the latest first.
    """

    store: Store
    artifacts: ArtifactStore
    mend: bool = False
    full: bool = False
    limit: int = 1_000

    def examine(self) -> Iterator[Finding]:
        """Everything found, as it is found."""
        yield from self._orphans()
        yield from self._runs()
        yield from self._unrecorded()
        yield from self._payloads()
        yield from self._staging()

    def _orphans(self) -> Iterator[Finding]:
        for execution in self.store.active_executions(limit=self.limit):
            if not is_dead(execution):
                continue
            if self.mend:
                clear_away(self.store, self.artifacts, execution)
            yield Finding(
                kind="orphan",
                subject=f"execution {execution.id} ({execution.key})",
                detail=f"process {execution.facts.get('pid')} on {execution.facts.get('host')} is gone",
                mended="marked FAILED" if self.mend else "",
            )

    def _runs(self) -> Iterator[Finding]:
        """Local runs whose process is gone; Airflow's have many, and a last task that closes them."""
        living = {
            execution.key.run_id
            for execution in self.store.active_executions(limit=self.limit)
            if not is_dead(execution)
        }
        for run in self.store.runs(limit=self.limit):
            if run.state is not State.RUNNING or run.run_id in living:
                continue
            if "airflow" in run.facts or "pid" not in run.facts or is_alive(run.facts):
                continue
            if self.mend:
                self.store.close_run(replace(run, state=State.FAILED, ended_at=datetime.now(UTC)))
            yield Finding(
                kind="orphan",
                subject=f"run {run.run_id}",
                detail=f"process {run.facts['pid']} on {run.facts['host']} is gone",
                mended=f"marked FAILED: `pipeline run {run.pipeline} --resume {run.run_id}` goes on with it"
                if self.mend
                else "",
            )

    def _unrecorded(self) -> Iterator[Finding]:
        for place in unrecorded(self.store, self.artifacts):
            if self.mend:
                self.artifacts.remove(place.uri)
            yield Finding(
                kind="unrecorded",
                subject=place.uri,
                detail=f"execution {place.execution_id} ended before it recorded these files",
                mended="removed" if self.mend else "",
            )

    def _payloads(self) -> Iterator[Finding]:
        for artifact in self.store.artifacts(ArtifactQuery(limit=self.limit)):
            try:
                self.artifacts.verify(artifact.uri, artifact.digest, full=self.full)
            except (MissingPayloadError, CorruptPayloadError) as error:
                if self.mend:
                    self.store.abandon(artifact.id)
                yield Finding(
                    kind="missing" if isinstance(error, MissingPayloadError) else "corrupt",
                    subject=f"{artifact.type_name} {artifact.id}",
                    detail=f"{error.summary} ({error.at or artifact.uri})",
                    mended="marked ABANDONED: the next run makes it anew" if self.mend else "",
                )

    def _staging(self) -> Iterator[Finding]:
        stale = set(self.artifacts.stale_staging(_STALE_STAGING))
        for folder in self.artifacts.stale_staging(timedelta(0)):
            owner = owner_of_staging(self.store, folder.name)
            ended = owner is not None and (owner.state is not State.RUNNING or is_dead(owner))
            # A body may write its outputs at the very end: as long as its try lives, nothing is stale.
            if not ended and (owner is not None or folder not in stale):
                continue
            if self.mend:
                self.artifacts.discard(Path(folder))
            yield Finding(
                kind="staging",
                subject=str(folder),
                detail=f"execution {owner.id} has ended"
                if owner is not None and ended
                else f"nothing was written there for {_STALE_STAGING.total_seconds() / 3600:.0f} hours",
                mended="removed" if self.mend else "",
            )
