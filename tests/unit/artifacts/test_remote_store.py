from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.artifacts.remote_store import open_filesystem
from pipeline_lib.artifacts.store import ArtifactStore, open_artifact_store
from pipeline_lib.errors import ArtifactStoreError, CorruptPayloadError, MissingPayloadError, SecretError


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, Any]]:
    """A real S3 server, and how fsspec reaches it; the key is a secret's reference."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_S3_SECRET", "secret")
        yield {
            "key": "key",
            "secret": "env:TEST_S3_SECRET",
            "client_kwargs": {"endpoint_url": f"http://{host}:{port}", "region_name": "eu-west-1"},
        }
    server.stop()


@pytest.fixture
def store(options: dict[str, Any], tmp_path: Path) -> ArtifactStore:
    filesystem, _ = open_filesystem("s3://bucket", options)
    if not filesystem.exists("bucket"):
        filesystem.mkdir("bucket")
    return open_artifact_store(f"s3://bucket/{tmp_path.name}", options, cache_dir=tmp_path)


def publish(store: ArtifactStore, content: bytes = b"rows") -> tuple[str, str]:
    staged = store.staging("e1") / "Examples-x"
    (staged / "Split-train").mkdir(parents=True)
    (staged / "Split-train" / "0.parquet").write_bytes(content)
    (staged / "empty").write_bytes(b"")
    manifest = store.seal(staged, "Examples", {"span": 1})
    uri = store.publish(staged, manifest, pipeline="p", node="n", port="x", execution_id=7)
    return uri, manifest.digest


def test_an_artifact_on_s3_is_published_verified_read_and_removed(store: ArtifactStore) -> None:
    uri, digest = publish(store)
    assert uri.startswith("s3://bucket/")
    assert uri.endswith("/p/n/x/7")
    store.verify(uri, digest, full=True)
    assert (store.localise(uri, digest) / "Split-train" / "0.parquet").read_bytes() == b"rows"
    assert publish(store) == (uri, digest)
    with pytest.raises(ArtifactStoreError, match="another artifact was published there"):
        publish(store, b"other")
    store.remove(uri)
    with pytest.raises(MissingPayloadError, match="is gone"):
        store.verify(uri, digest)


def test_damage_on_s3_is_found(store: ArtifactStore, options: dict[str, Any]) -> None:
    uri, digest = publish(store)
    filesystem, base = open_filesystem(uri, options)
    filesystem.pipe_file(f"{base}/Split-train/0.parquet", b"wors")
    store.verify(uri, digest)
    with pytest.raises(CorruptPayloadError, match=r"0\.parquet has other content"):
        store.verify(uri, digest, full=True)
    filesystem.rm_file(f"{base}/Split-train/0.parquet")
    with pytest.raises(MissingPayloadError, match=r"0\.parquet is gone"):
        store.verify(uri, digest)
    with pytest.raises(MissingPayloadError, match="a file of the artifact is gone"):
        store.localise(uri, digest)


def test_a_bucket_that_does_not_exist_is_a_store_error(options: dict[str, Any], tmp_path: Path) -> None:
    store = open_artifact_store("s3://no-such-bucket/x", options, cache_dir=tmp_path)
    with pytest.raises(ArtifactStoreError, match="cannot publish"):
        publish(store)


def test_a_missing_secret_is_named(options: dict[str, Any], tmp_path: Path) -> None:
    store = open_artifact_store("s3://bucket/x", {**options, "secret": "env:NO_SUCH"}, cache_dir=tmp_path)
    with pytest.raises(SecretError, match="NO_SUCH is not set"):
        publish(store)
