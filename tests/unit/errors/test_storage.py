"""Errors of the two stores: told apart by their range, and by what another try can mend."""

from pathlib import Path

import pytest

from pipeline_lib import Model, workspace
from pipeline_lib.errors import PipelineError, UnknownPropertyError, storage

OF_ARTIFACTS = (
    "PL2",
    ["UnknownPropertyError", "NoWorkspaceError", "CorruptPayloadError", "ArtifactStoreError"],
)
OF_METADATA = (
    "PL3",
    ["MetadataUnavailableError", "MetadataUrlError", "RunConflictError", "DeclaredDeadError"],
)


@pytest.mark.parametrize(
    ("begins", "name"),
    [(begins, name) for begins, names in (OF_ARTIFACTS, OF_METADATA) for name in names],
)
def test_the_two_stores_have_ranges_of_their_own(begins: str, name: str) -> None:
    cls: type[PipelineError] = getattr(storage, name)
    assert cls.code.startswith(begins)


def test_hasattr_of_an_artifact_is_answered(tmp_path: Path) -> None:
    with workspace(tmp_path):
        model = Model.new()
    assert not hasattr(model, "acuracy")
    with pytest.raises(UnknownPropertyError, match="has no property acuracy"):
        _ = model.acuracy
