"""Changes to what is stored already: states of artifacts, and texts kept by digest."""

import dataclasses
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pipeline_lib.errors import UnknownRecordError
from pipeline_lib.metadata.connection import ConflictError
from pipeline_lib.metadata.mlmd_records import MARKED_AFTER
from pipeline_lib.metadata.mlmd_runs import MlmdRuns
from pipeline_lib.metadata.mlmd_types import INTERNAL, KEPT_TEXT
from pipeline_lib.metadata.mlmd_values import equals, put_value
from pipeline_lib.metadata.records import ArtifactState, Slice, StoredArtifact

# What every backend's column takes.
_LONGEST_TEXT = 60_000
_PINNED = f"{INTERNAL}pinned"
_MARKED_AFTER = f"custom_properties.{INTERNAL}{MARKED_AFTER}"


class MlmdStates(MlmdRuns):
    """The part of the store that changes what is there."""

    def abandon(self, artifact_id: int) -> None:
        """See `Store.abandon`."""
        if not self._call("get_artifacts_by_id", [artifact_id]):
            raise UnknownRecordError(f"there is no artifact {artifact_id}", fix="run `pipeline artifacts`")
        self.set_states([artifact_id], ArtifactState.ABANDONED)

    def set_states(self, artifact_ids: Sequence[int], state: ArtifactState) -> None:
        """See `Store.set_states`."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        value = pb.Artifact.State.Value(state.value)
        changes = [pb.Artifact(id=id_, state=value) for id_ in sorted(set(artifact_ids))]
        mask = ["state"]
        if state is ArtifactState.MARKED_FOR_DELETION:
            _put_marked_after(changes, 0)  # what an earlier mark has left says nothing of this one
            mask.append(_MARKED_AFTER)
        if changes:
            self._call("put_artifacts", changes, mask)

    def note_marked_after(self, artifact_ids: Sequence[int], run: int) -> None:
        """See `Store.note_marked_after`."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        changes = [pb.Artifact(id=id_) for id_ in sorted(set(artifact_ids))]
        _put_marked_after(changes, run)
        if changes:
            self._call("put_artifacts", changes, [_MARKED_AFTER])

    def set_pinned(self, artifact_id: int, *, pinned: bool) -> None:
        """See `Store.set_pinned`."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        if not self._call("get_artifacts_by_id", [artifact_id]):
            raise UnknownRecordError(f"there is no artifact {artifact_id}", fix="run `pipeline artifacts`")
        change = pb.Artifact(id=artifact_id)
        change.custom_properties[_PINNED].int_value = int(pinned)
        self._call("put_artifacts", [change], [f"custom_properties.{_PINNED}"])

    def pinned(self, within: Slice) -> Sequence[StoredArtifact]:
        """See `Store.pinned`."""
        return self._artifacts(self._listed("get_artifacts", [equals(_PINNED, 1)], within))

    def keep_text(self, digest: str, text: str) -> None:
        """See `Store.keep_text`."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        message = pb.Context(type_id=self._types.context_type_id(KEPT_TEXT), name=digest)
        put_value(message.custom_properties, KEPT_TEXT, text.encode()[:_LONGEST_TEXT].decode(errors="ignore"))
        with suppress(ConflictError):  # it is there
            self._call("put_contexts", [message])

    def _revive(self, artifact: StoredArtifact) -> StoredArtifact:
        """Files that were lost are there again: whoever imports them has just read them."""
        self.set_states([artifact.id], ArtifactState.LIVE)
        return dataclasses.replace(artifact, state=ArtifactState.LIVE)


def _put_marked_after(changes: Sequence[Any], run: int) -> None:
    for change in changes:
        change.custom_properties[f"{INTERNAL}{MARKED_AFTER}"].int_value = run
