"""HTML reports of artifacts: found by manifest, served so that they can run and load nothing."""

import hashlib
from collections.abc import Sequence

from fastapi.responses import Response

from pipeline_lib.artifacts.manifest import FileEntry
from pipeline_lib.artifacts.store import ArtifactStore
from pipeline_lib.errors import ArtifactStoreError, CorruptPayloadError, MissingPayloadError
from pipeline_lib.metadata.records import StoredArtifact

_LARGEST = 32 * 1024 * 1024
_REPORT_HEADERS = {
    # `sandbox` holds even where the report is opened outside of our frame.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"
    ),
}


def listed_files(artifacts: ArtifactStore, artifact: StoredArtifact) -> tuple[FileEntry, ...] | None:
    """The files of an artifact as they were published; None where they are gone or cannot be trusted."""
    try:
        return artifacts.manifest(artifact.uri, artifact.digest).files
    except (ArtifactStoreError, CorruptPayloadError, MissingPayloadError, OSError):
        return None


def reports_among(files: Sequence[FileEntry] | None) -> tuple[str, ...]:
    """Paths of the reports, the main one first."""
    found = [entry.path for entry in files or () if entry.path.endswith(".html") and entry.size <= _LARGEST]
    return tuple(sorted(found, key=lambda path: (path.count("/"), path)))


def report_response(artifacts: ArtifactStore, artifact: StoredArtifact, path: str) -> Response:
    """One report of an artifact.

    Args:
        artifacts: Where the files are.
        artifact: Whose report it is.
        path: Must be one that the manifest lists: nothing else is ever opened.

    Raises:
        MissingPayloadError: The artifact has no such report, or its files are gone.
        CorruptPayloadError: What is there is not what was published.
    """
    manifest = artifacts.manifest(artifact.uri, artifact.digest)
    if path not in reports_among(manifest.files):
        raise MissingPayloadError(
            f"artifact {artifact.id} has no report {path}", at=artifact.uri, fix="choose one from its page"
        )
    file = artifacts.localise(artifact.uri, artifact.digest) / path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise MissingPayloadError(
            f"report {path} of artifact {artifact.id} cannot be read",
            at=artifact.uri,
            fix="run `pipeline doctor`",
        ) from error
    if hashlib.sha256(content).hexdigest() != next(e.sha256 for e in manifest.files if e.path == path):
        raise CorruptPayloadError(
            f"{path} of artifact {artifact.id} has other content than was published",
            at=artifact.uri,
            fix="run `pipeline doctor`",
        )
    return Response(content, media_type="text/html", headers=_REPORT_HEADERS)
