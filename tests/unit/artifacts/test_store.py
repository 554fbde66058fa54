import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline_lib.artifacts.manifest import MANIFEST_NAME, Manifest
from pipeline_lib.artifacts.store import ArtifactStore, artifact_place, open_artifact_store, staging_name
from pipeline_lib.errors import (
    ArtifactStoreError,
    CorruptPayloadError,
    MissingPayloadError,
    UnsafePayloadError,
)


@pytest.fixture(params=["local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "local":
        yield str(tmp_path / "artifacts")
        return
    import fsspec

    place = f"memory://{uuid.uuid4().hex}"
    yield place
    memory = fsspec.filesystem("memory")
    if memory.exists(place):
        memory.rm(place, recursive=True)


@pytest.fixture
def store(root: str, tmp_path: Path) -> ArtifactStore:
    return open_artifact_store(root, {}, cache_dir=tmp_path / "cache")


def write(root: str, uri: str, path: str, content: bytes | None) -> None:
    """Change a published file behind the store's back; None deletes it."""
    if not root.startswith("memory"):
        file = Path(uri) / path
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)
        return
    import fsspec

    memory = fsspec.filesystem("memory")
    if content is None:
        memory.rm(f"{uri}/{path}")
    else:
        memory.pipe_file(f"{uri}/{path}", content)


def stage(store: ArtifactStore, key: str = "e1", content: bytes = b"rows") -> Path:
    staged = store.staging(key) / "Examples-x"
    (staged / "Split-train").mkdir(parents=True)
    (staged / "Split-train" / "0.parquet").write_bytes(content)
    (staged / "empty").write_bytes(b"")
    return staged


def publish(store: ArtifactStore, key: str = "e1", execution_id: int = 7) -> tuple[str, Manifest]:
    staged = stage(store, key)
    manifest = store.seal(staged, "Examples", {"span": 1})
    uri = store.publish(
        staged, manifest, pipeline="flights", node="ingest", port="examples", execution_id=execution_id
    )
    return uri, manifest


def test_a_published_artifact_lies_where_tfx_puts_it(store: ArtifactStore, root: str) -> None:
    uri, manifest = publish(store)
    assert uri == f"{root}/flights/ingest/examples/7"
    store.verify(uri, manifest.digest, full=True)
    assert store.manifest(uri) == manifest


def test_lists_get_one_directory_an_item(store: ArtifactStore, root: str) -> None:
    staged = stage(store)
    manifest = store.seal(staged, "Examples", {})
    uri = store.publish(staged, manifest, pipeline="p", node="n", port="x", execution_id=7, index=0)
    assert uri == f"{root}/p/n/x/7/0"


def test_places_are_all_that_lies_under_final_names(store: ArtifactStore, root: str) -> None:
    for node, execution_id, index in (("add[1]", 7, None), ("add[1]", 8, 0), ("add1", 7, None)):
        staged = stage(store)
        manifest = store.seal(staged, "Examples", {})
        store.publish(
            staged, manifest, pipeline="p", node=node, port="x", execution_id=execution_id, index=index
        )
    store.staging("e2")
    everything = {(place.uri, place.node, place.port, place.execution_id) for place in store.places()}
    assert everything == {
        (f"{root}/p/add[1]/x/7", "add[1]", "x", 7),
        (f"{root}/p/add[1]/x/8", "add[1]", "x", 8),
        (f"{root}/p/add1/x/7", "add1", "x", 7),
    }
    (one,) = store.places(pipeline="p", node="add[1]", execution_id=7)
    assert one.uri == f"{root}/p/add[1]/x/7"
    assert list(store.places(pipeline="other")) == []


def test_publishing_moves_out_of_staging(store: ArtifactStore) -> None:
    publish(store)
    assert list(store.staging("e1").iterdir()) == []


def test_publishing_again_changes_nothing(store: ArtifactStore) -> None:
    uri, manifest = publish(store)
    staged = stage(store)
    assert store.seal(staged, "Examples", {"span": 1}) == manifest
    place = {"pipeline": "flights", "node": "ingest", "port": "examples", "execution_id": 7}
    assert store.publish(staged, manifest, **place) == uri
    assert store.publish(staged, manifest, **place) == uri
    assert not staged.exists()
    store.verify(uri, manifest.digest, full=True)


def test_other_content_cannot_take_the_place(store: ArtifactStore) -> None:
    uri, manifest = publish(store)
    staged = stage(store, content=b"other")
    with pytest.raises(ArtifactStoreError, match="flights/ingest/examples/7"):
        store.publish(
            staged,
            store.seal(staged, "Examples", {"span": 1}),
            pipeline="flights",
            node="ingest",
            port="examples",
            execution_id=7,
        )
    store.verify(uri, manifest.digest, full=True)


def test_publishing_one_artifact_from_many_threads_publishes_it_once(store: ArtifactStore) -> None:
    staged = [stage(store, f"e{i}") for i in range(8)]
    manifest = store.seal(staged[0], "Examples", {})
    with ThreadPoolExecutor(8) as pool:
        uris = set(
            pool.map(
                lambda directory: store.publish(
                    directory, manifest, pipeline="p", node="n", port="x", execution_id=1
                ),
                staged,
            )
        )
    assert len(uris) == 1
    store.verify(uris.pop(), manifest.digest, full=True)


Damage = Callable[[str, str], None]


@pytest.mark.parametrize(
    ("path", "content", "error", "text"),
    [
        pytest.param("Split-train/0.parquet", None, MissingPayloadError, "0.parquet is gone", id="gone"),
        pytest.param("Split-train/0.parquet", b"row", MissingPayloadError, "another size", id="truncated"),
        pytest.param("more", b"", MissingPayloadError, "more was added", id="added"),
        pytest.param(MANIFEST_NAME, None, MissingPayloadError, "manifest.json is gone", id="no-manifest"),
        pytest.param(MANIFEST_NAME, b"{", CorruptPayloadError, "cannot be read", id="bad-manifest"),
    ],
)
def test_damage_that_a_quick_look_finds(
    store: ArtifactStore, root: str, path: str, content: bytes | None, error: type[Exception], text: str
) -> None:
    uri, manifest = publish(store)
    write(root, uri, path, content)
    with pytest.raises(error, match=text):
        store.verify(uri, manifest.digest)


def test_changed_content_is_found_by_a_full_look(store: ArtifactStore, root: str) -> None:
    uri, manifest = publish(store)
    write(root, uri, "Split-train/0.parquet", b"wors")
    store.verify(uri, manifest.digest)
    with pytest.raises(CorruptPayloadError, match=r"Split-train/0\.parquet has other content"):
        store.verify(uri, manifest.digest, full=True)


def test_another_artifact_at_the_uri_is_found(store: ArtifactStore) -> None:
    uri, _ = publish(store)
    with pytest.raises(CorruptPayloadError, match="another Examples than recorded"):
        store.verify(uri, "0" * 64)


def test_localise_gives_the_files(store: ArtifactStore) -> None:
    uri, manifest = publish(store)
    path = store.localise(uri, manifest.digest)
    assert (path / "Split-train" / "0.parquet").read_bytes() == b"rows"
    assert store.localise(uri, manifest.digest) == path


def test_localise_names_what_is_gone(store: ArtifactStore, root: str) -> None:
    with pytest.raises(MissingPayloadError, match="pipeline doctor"):
        store.localise(f"{root}/p/n/x/9", "0" * 64)


def test_remove_deletes_and_may_be_repeated(store: ArtifactStore) -> None:
    uri, manifest = publish(store)
    store.remove(uri)
    store.remove(uri)
    with pytest.raises(MissingPayloadError, match="is gone"):
        store.verify(uri, manifest.digest)


def test_only_what_is_the_stores_own_can_be_removed(store: ArtifactStore, root: str, tmp_path: Path) -> None:
    for uri in (str(tmp_path), root, f"{root}/../other"):
        with pytest.raises(ArtifactStoreError, match="not an artifact of this store"):
            store.remove(uri)


def test_discard_takes_only_staging(store: ArtifactStore, tmp_path: Path) -> None:
    staged = stage(store)
    store.discard(staged.parent)
    store.discard(staged.parent)
    assert not staged.exists()
    with pytest.raises(ArtifactStoreError, match="not a staging directory"):
        store.discard(tmp_path)


def test_staging_is_stale_when_nothing_in_it_was_written_lately(store: ArtifactStore) -> None:
    old, busy = stage(store, "old").parent, stage(store, "busy").parent
    for directory, _, names in os.walk(old, topdown=False):
        for name in (*names, "."):
            os.utime(Path(directory, name), (1, 1))
    os.utime(busy, (1, 1))
    assert store.stale_staging(timedelta(hours=1)) == [old]


def test_an_adopted_artifact_can_be_verified(store: ArtifactStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "schema.pbtxt").write_text("feature {}")
    manifest = store.adopt(str(outside), "Schema", {})
    store.verify(str(outside), manifest.digest, full=True)
    assert [path.name for path in outside.iterdir()] == ["schema.pbtxt"]
    assert store.localise(str(outside), manifest.digest) == outside
    (outside / "schema.pbtxt").write_text("feature{ }")
    with pytest.raises(CorruptPayloadError, match=r"schema\.pbtxt has other content"):
        store.verify(str(outside), manifest.digest, full=True)


def test_a_remote_directory_can_be_adopted(store: ArtifactStore) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    base = f"memory://{uuid.uuid4().hex}"
    memory.pipe_file(f"{base}/deep/x", b"1")
    try:
        manifest = store.adopt(base, "Schema", {})
        store.verify(base, manifest.digest, full=True)
        assert (store.localise(base, manifest.digest) / "deep" / "x").read_bytes() == b"1"
    finally:
        memory.rm(base, recursive=True)


def test_nothing_cannot_be_adopted(store: ArtifactStore, tmp_path: Path) -> None:
    for uri in (str(tmp_path / "no"), "memory://no-such-place"):
        with pytest.raises(MissingPayloadError, match="to import as Schema"):
            store.adopt(uri, "Schema", {})


def test_a_staged_output_that_is_gone_is_named(store: ArtifactStore) -> None:
    with pytest.raises(MissingPayloadError, match="the output Model has no directory"):
        store.seal(store.staging("e1") / "gone", "Model", {})


def test_an_unsafe_output_is_not_sealed(store: ArtifactStore) -> None:
    staged = stage(store)
    (staged / "etc").symlink_to("/etc")
    with pytest.raises(UnsafePayloadError, match="a link to /etc"):
        store.seal(staged, "Examples", {})


def test_an_interrupted_upload_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    root = f"memory://{uuid.uuid4().hex}"
    store = open_artifact_store(root, {}, cache_dir=tmp_path)

    def break_down(*_: object, **__: object) -> None:
        raise OSError("connection reset")

    with monkeypatch.context() as patched:
        patched.setattr(MemoryFileSystem, "pipe_file", break_down)
        with pytest.raises(ArtifactStoreError, match="connection reset"):
            publish(store)
    with pytest.raises(MissingPayloadError, match="was never published"):
        store.verify(f"{root}/flights/ingest/examples/7", "")
    store.discard(store.staging("e1"))
    uri, manifest = publish(store)
    store.verify(uri, manifest.digest, full=True)


def test_a_corrupt_download_is_not_kept(tmp_path: Path) -> None:
    import fsspec

    root = f"memory://{uuid.uuid4().hex}"
    store = open_artifact_store(root, {}, cache_dir=tmp_path / "cache")
    uri, manifest = publish(store)
    fsspec.filesystem("memory").pipe_file(f"{uri}/Split-train/0.parquet", b"wors")
    with pytest.raises(CorruptPayloadError, match="other content"):
        store.localise(uri, manifest.digest)
    assert [p.suffix for p in (tmp_path / "cache" / "artifacts" / manifest.digest[:2]).iterdir()] == [".lock"]


def test_no_space_or_permission_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = open_artifact_store(str(tmp_path / "file"), {}, cache_dir=tmp_path)
    with pytest.raises(ArtifactStoreError, match="cannot make a staging directory"):
        store.staging("e1")


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", ".staging", "a\0b"])
def test_a_place_is_made_of_plain_names(part: str) -> None:
    with pytest.raises(ArtifactStoreError, match="cannot be a directory"):
        artifact_place(pipeline="p", node=part, port="x", execution_id=1, index=None)


@pytest.mark.parametrize("key", ["a/b", "..", "", "a b", "x" * 300])
def test_any_key_gives_a_directory_name(key: str) -> None:
    name = staging_name(key)
    assert "/" not in name
    assert name not in ("", ".", "..")
    assert len(name) < 200
    assert name != staging_name(key + "!")
