import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.artifacts.manifest import (
    MANIFEST_NAME,
    FileEntry,
    Manifest,
    describe_directory,
    seal_directory,
)
from pipeline_lib.errors import CorruptPayloadError, UnsafePayloadError


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    directory = tmp_path / "staged"
    (directory / "Split-train").mkdir(parents=True)
    (directory / "Split-train" / "0.parquet").write_bytes(b"rows")
    (directory / "schema.pbtxt").write_text("")
    return directory


def test_a_manifest_lists_every_file_with_size_and_sha256(staged: Path) -> None:
    manifest = seal_directory(staged, "Examples", {"span": 3})
    assert manifest.files == (
        FileEntry(
            path="Split-train/0.parquet",
            size=4,
            sha256="bc51e9e65d79e1c90ba544ab2eae1044ccdf8c1af7a559ba375cba4276f7d99e",
        ),
        FileEntry(
            path="schema.pbtxt",
            size=0,
            sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
    )
    assert manifest.size_bytes == 4


def test_the_digest_is_pinned() -> None:
    """It is stored for years: a change of encoding would empty every cache."""
    manifest = Manifest(
        type_name="Schema", properties={"a": 1}, files=(FileEntry(path="x", size=1, sha256="00"),)
    )
    assert manifest.digest == "d69be9bf179739f8aac8ddcf4e2895b4c048359bc1518377b9ba9cc43e441c47"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Manifest(type_name="B", properties={}, files=()), id="type"),
        pytest.param(Manifest(type_name="A", properties={"p": 1}, files=()), id="property"),
        pytest.param(
            Manifest(type_name="A", properties={}, files=(FileEntry(path="x", size=0, sha256="00"),)),
            id="file",
        ),
    ],
)
def test_other_content_has_another_digest(other: Manifest) -> None:
    assert Manifest(type_name="A", properties={}, files=()).digest != other.digest


@given(
    st.dictionaries(
        st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())
    ),
    st.lists(st.tuples(st.text(min_size=1), st.integers(0, 2**60)), max_size=4),
)
def test_a_manifest_survives_its_text(properties: dict[str, object], files: list[tuple[str, int]]) -> None:
    manifest = Manifest(
        type_name="T",
        properties=properties,
        files=tuple(FileEntry(path=path, size=size, sha256="ab") for path, size in files),
    )
    assert Manifest.from_text(manifest.to_text(), at="here") == manifest


def test_an_edited_manifest_is_corrupt(staged: Path) -> None:
    text = seal_directory(staged, "Examples", {"span": 3}).to_text()
    with pytest.raises(CorruptPayloadError, match="changed after publishing"):
        Manifest.from_text(text.replace('"span":3', '"span":4'), at="here")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"type": 1, "properties": {}, "files": [{}]}'])
def test_garbage_is_corrupt(text: str) -> None:
    with pytest.raises(CorruptPayloadError, match="cannot be read"):
        Manifest.from_text(text, at="here")


def test_a_link_that_leads_out_is_refused(staged: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    (staged / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(UnsafePayloadError, match="a link to"):
        seal_directory(staged, "Examples", {})


def test_a_link_out_of_a_directory_and_back_is_refused(staged: Path) -> None:
    (staged / "loop").symlink_to(staged)
    with pytest.raises(UnsafePayloadError, match="a link to"):
        seal_directory(staged, "Examples", {})


def test_a_dangling_link_is_refused(staged: Path) -> None:
    (staged / "link").symlink_to("nothing")
    with pytest.raises(UnsafePayloadError, match="does not exist"):
        seal_directory(staged, "Examples", {})


@pytest.mark.parametrize("target", ["Split-train", "Split-train/0.parquet"])
def test_a_link_inside_becomes_a_copy(staged: Path, target: str) -> None:
    (staged / "latest").symlink_to(staged / target)
    manifest = seal_directory(staged, "Examples", {})
    assert not (staged / "latest").is_symlink()
    assert len(manifest.files) == 3


def test_a_pipe_is_refused(staged: Path) -> None:
    os.mkfifo(staged / "pipe")
    with pytest.raises(UnsafePayloadError, match="a pipe"):
        seal_directory(staged, "Examples", {})


def test_a_socket_is_refused(staged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(staged)  # a socket's address has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(UnsafePayloadError, match="a socket"):
            seal_directory(staged, "Examples", {})


def test_a_name_that_is_not_text_is_refused(staged: Path) -> None:
    (staged / os.fsdecode(b"\xff")).touch()
    with pytest.raises(UnsafePayloadError, match="not UTF-8"):
        seal_directory(staged, "Examples", {})


def test_describing_leaves_out_the_manifest_and_changes_nothing(staged: Path) -> None:
    before = describe_directory(staged, "Examples", {})
    (staged / MANIFEST_NAME).write_text(before.to_text())
    assert describe_directory(staged, "Examples", {}) == before
