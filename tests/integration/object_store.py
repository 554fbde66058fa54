"""A server process that speaks S3 (moto's), a profile with its artifacts there, and what is in its bucket."""

import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from pipeline_lib.artifacts.manifest import MANIFEST_NAME
from pipeline_lib.metadata.records import ArtifactQuery
from pipeline_lib.runtime.session import Session
from pipeline_lib.settings import ArtifactSettings, HostSettings, MetadataSettings, Profile, ServingSettings

BUCKET = "runs"
SECRET = f"hunter2-{uuid.uuid4().hex}"


@dataclass(frozen=True, kw_only=True)
class ObjectStore:
    """How to reach the server."""

    endpoint: str

    @property
    def options(self) -> dict[str, Any]:
        """Storage options; the key is a secret's reference."""
        client = {"endpoint_url": self.endpoint, "region_name": "eu-west-1"}
        return {"key": "key", "secret": "env:TEST_S3_SECRET", "client_kwargs": client}

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process needs: for the secret, and for what takes its credentials from there."""
        return {
            "TEST_S3_SECRET": SECRET,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "eu-west-1",
        }

    def files(self) -> Any:
        """The bucket, looked at anew."""
        client = {"endpoint_url": self.endpoint, "region_name": "eu-west-1"}
        files = fsspec.filesystem("s3", key="key", secret="x", client_kwargs=client)
        files.invalidate_cache()
        return files

    def profile(self, folder: Path, import_path: Path) -> Profile:
        """State and metadata in the folder; artifacts and models in the bucket, under the folder's name."""
        return Profile(
            state_dir=folder / "state",
            import_paths=(import_path,),
            metadata=MetadataSettings(url=f"sqlite:///{folder}/metadata.sqlite"),
            artifacts=ArtifactSettings(root=f"s3://{BUCKET}/{folder.name}", storage_options=self.options),
            serving=ServingSettings(base_path=f"s3://{BUCKET}/{folder.name}-serving"),
            host=HostSettings(directory=folder / "host"),
        )


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """The server, with an empty bucket; its process ends with the block."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            assert process.poll() is None
            try:
                with closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
                    break
            except OSError:
                time.sleep(0.1)
        store = ObjectStore(endpoint=f"http://127.0.0.1:{port}")
        store.files().makedirs(BUCKET, exist_ok=True)
        yield store
    finally:
        process.kill()
        process.wait()


def require_whole(session: Session) -> None:
    """Whoever asks the metadata store is given artifacts whose every byte is there."""
    for artifact in session.store.artifacts(ArtifactQuery(limit=10_000)):
        session.artifacts.verify(artifact.uri, artifact.digest, full=True)


def unfinished(session: Session, store: ObjectStore) -> set[str]:
    """Places in the bucket that hold files and have no manifest: no reader takes them for artifacts."""
    places = {place.uri for place in session.artifacts.places()}
    return {uri for uri in places if not store.files().exists(f"{uri}/{MANIFEST_NAME}")}


def require_nothing_left(session: Session, store: ObjectStore) -> None:
    """Every object in the bucket belongs to an artifact that is recorded."""
    root = session.profile.artifacts.root
    recorded = {artifact.uri for artifact in session.store.artifacts(ArtifactQuery(limit=10_000))}
    objects = [store.files().unstrip_protocol(path) for path in store.files().find(root)]
    assert [uri for uri in objects if not any(uri.startswith(f"{place}/") for place in recorded)] == []
    assert {
        uri.removesuffix(f"/{MANIFEST_NAME}") for uri in objects if uri.endswith(MANIFEST_NAME)
    } == recorded
