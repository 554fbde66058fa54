"""Changes to what is stored already: states of artifacts, and texts kept by digest."""

import dataclasses
from collections.abc import Sequence
from contextlib import suppress

from pipeline_lib.errors import UnknownRecordError
from pipeline_lib.metadata.connection import ConflictError
from pipeline_lib.metadata.mlmd_runs import MlmdRuns
from pipeline_lib.metadata.mlmd_text import stored_text
from pipeline_lib.metadata.mlmd_types import INTERNAL, KEPT_TEXT
from pipeline_lib.metadata.mlmd_values import equals
from pipeline_lib.metadata.records import ArtifactState, Slice, StoredArtifact

# What every backend's column of texts takes, escapes included.
_LONGEST_TEXT = 60_000
_PINNED = f"{INTERNAL}pinned"


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
        if changes:
            self._call("put_artifacts", changes, ["state"])

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
        options = self._slice_options(within, [equals(_PINNED, 1)])
        return self._artifacts(self._call("get_artifacts", list_options=options))

    def keep_text(self, digest: str, text: str) -> None:
        """See `Store.keep_text`."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        message = pb.Context(type_id=self._types.context_type_id(KEPT_TEXT), name=digest)
        kept = stored_text(text).encode()[:_LONGEST_TEXT].decode(errors="ignore")
        message.custom_properties[KEPT_TEXT].string_value = kept
        with suppress(ConflictError):  # it is there
            self._call("put_contexts", [message])

    def _revive(self, artifact: StoredArtifact) -> StoredArtifact:
        """Files that were lost are there again: whoever imports them has just read them."""
        self.set_states([artifact.id], ArtifactState.LIVE)
        return dataclasses.replace(artifact, state=ArtifactState.LIVE)
