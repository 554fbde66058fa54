"""Finding and mending what killed processes and lost files leave behind."""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from pipeline_lib.artifacts.store import ArtifactStore
from pipeline_lib.errors import CorruptPayloadError, MissingPayloadError
from pipeline_lib.metadata.records import ArtifactQuery, State, StoredExecution
from pipeline_lib.metadata.store import Store

_STALE_STAGING = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        kind: `orphan`, `missing`, `corrupt` or `staging`.
        subject: An execution, artifact or path.
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
    """

    store: Store
    artifacts: ArtifactStore
    mend: bool = False
    full: bool = False
    limit: int = 1_000

    def examine(self) -> Iterator[Finding]:
        """Everything found, as it is found."""
        yield from self._orphans()
        yield from self._payloads()
        yield from self._staging()

    def _orphans(self) -> Iterator[Finding]:
        for execution in self.store.active_executions(limit=self.limit):
            if _is_alive(execution):
                continue
            if self.mend:
                self.store.finish(execution.id, State.FAILED, {"orphaned": True})
            yield Finding(
                kind="orphan",
                subject=f"execution {execution.id} ({execution.key})",
                detail=f"process {execution.facts.get('pid')} on {execution.facts.get('host')} is gone",
                mended="marked FAILED" if self.mend else "",
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
        for folder in self.artifacts.stale_staging(_STALE_STAGING):
            if self.mend:
                self.artifacts.discard(Path(folder))
            yield Finding(
                kind="staging",
                subject=str(folder),
                detail=f"nothing was written there for {_STALE_STAGING.total_seconds() / 3600:.0f} hours",
                mended="removed" if self.mend else "",
            )


def _is_alive(execution: StoredExecution) -> bool:
    """Whether the launcher that registered the execution still runs; on another host nobody can say."""
    if execution.facts.get("host") != socket.gethostname():
        return True
    pid, born = execution.facts.get("pid"), execution.facts.get("pid_started")
    if not isinstance(pid, int):
        return False
    if pid == os.getpid():
        return True
    try:
        return abs(psutil.Process(pid).create_time() - float(born or 0)) < 2
    except psutil.NoSuchProcess:
        return False
