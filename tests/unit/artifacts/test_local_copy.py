import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from pipeline_lib.artifacts.local_copy import local_copy
from pipeline_lib.artifacts.manifest import FileEntry, Manifest
from pipeline_lib.artifacts.remote_store import describe_remote
from pipeline_lib.errors import CorruptPayloadError


def put(content: bytes) -> tuple[str, Manifest]:
    uri = f"memory://{uuid.uuid4().hex}"
    fsspec.filesystem("memory").pipe_file(f"{uri}/deep/file", content)
    return uri, describe_remote(uri, "Model", {}, {})


def test_equal_content_is_copied_once_wherever_it_is(tmp_path: Path) -> None:
    (first, manifest), (second, same) = put(b"1"), put(b"1")
    assert manifest.digest == same.digest
    with ThreadPoolExecutor(4) as pool:
        places = set(
            pool.map(
                lambda uri: local_copy(uri, manifest, cache_dir=tmp_path, storage_options={}),
                [first, second] * 4,
            )
        )
    assert len(places) == 1
    assert (places.pop() / "deep" / "file").read_bytes() == b"1"


def test_a_copy_outlives_its_origin(tmp_path: Path) -> None:
    uri, manifest = put(b"1")
    place = local_copy(uri, manifest, cache_dir=tmp_path, storage_options={})
    fsspec.filesystem("memory").rm(uri, recursive=True)
    assert local_copy(uri, manifest, cache_dir=tmp_path, storage_options={}) == place


def test_an_artifact_without_files_is_an_empty_directory(tmp_path: Path) -> None:
    manifest = Manifest(type_name="Model", properties={}, files=())
    assert local_copy("memory://nothing", manifest, cache_dir=tmp_path, storage_options={}).is_dir()


def test_a_file_other_than_in_the_manifest_is_refused(tmp_path: Path) -> None:
    uri, _ = put(b"1")
    manifest = Manifest(
        type_name="Model", properties={}, files=(FileEntry(path="deep/file", size=1, sha256="0" * 64),)
    )
    with pytest.raises(CorruptPayloadError, match="deep/file has other content"):
        local_copy(uri, manifest, cache_dir=tmp_path, storage_options={})
