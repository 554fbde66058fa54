import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_lib.artifacts.local_store import LocalArtifactStore
from pipeline_lib.artifacts.manifest import MANIFEST_NAME
from pipeline_lib.artifacts.store import open_artifact_store
from pipeline_lib.errors import MissingPayloadError

PLACE = {"pipeline": "p", "node": "n", "port": "x", "execution_id": 1}

KILLED_AT = """
import os, sys
from pathlib import Path
from pipeline_lib.artifacts import local_store
from pipeline_lib.artifacts.store import open_artifact_store

def die(*_): os._exit(9)

if sys.argv[2] == "before":
    Path.rename = die
else:
    local_store._sync = lambda path, sync=local_store._sync: die() if path.name == "1" else sync(path)
store = open_artifact_store(sys.argv[1], {}, cache_dir=Path(sys.argv[1]))
staged = store.staging("e1") / "Model-x"
staged.mkdir()
(staged / "saved_model.pb").write_bytes(b"model")
manifest = store.seal(staged, "Model", {})
store.publish(staged, manifest, pipeline="p", node="n", port="x", execution_id=1)
"""


def kill_at(root: Path, moment: str) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED_AT, str(root), moment], check=False)
    assert ended.returncode == 9


def test_killed_before_the_rename_nothing_is_there(tmp_path: Path) -> None:
    kill_at(tmp_path, "before")
    store = open_artifact_store(str(tmp_path), {}, cache_dir=tmp_path)
    with pytest.raises(MissingPayloadError, match="never published"):
        store.verify(str(tmp_path / "p/n/x/1"), "")
    assert not (tmp_path / "p/n/x/1").exists()


def test_killed_after_the_rename_everything_is_there(tmp_path: Path) -> None:
    kill_at(tmp_path, "after")
    store = open_artifact_store(str(tmp_path), {}, cache_dir=tmp_path)
    store.verify(str(tmp_path / "p/n/x/1"), "", full=True)


def test_a_published_directory_can_be_read_by_others(tmp_path: Path) -> None:
    """`new` makes it with mkdtemp, which lets in nobody else: TensorFlow Serving runs as another user."""
    import tempfile

    store = open_artifact_store(str(tmp_path), {}, cache_dir=tmp_path)
    staged = Path(tempfile.mkdtemp(dir=store.staging("e1")))
    uri = store.publish(staged, store.seal(staged, "Model", {}), **PLACE)
    assert Path(uri).stat().st_mode & 0o777 == 0o755


def test_the_manifest_is_inside(tmp_path: Path) -> None:
    store = open_artifact_store(str(tmp_path), {}, cache_dir=tmp_path)
    staged = store.staging("e1") / "x"
    staged.mkdir()
    manifest = store.seal(staged, "Model", {})
    uri = store.publish(staged, manifest, **PLACE)
    assert (Path(uri) / MANIFEST_NAME).read_text() == manifest.to_text()


def test_a_relative_root_gives_absolute_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_artifact_store("artifacts", {}, cache_dir=tmp_path)
    assert isinstance(store, LocalArtifactStore)
    assert store.staging("e1") == tmp_path / "artifacts" / ".staging" / "e1"


def test_a_local_store_does_not_import_fsspec() -> None:
    code = (
        "import sys, pathlib; from pipeline_lib.artifacts.store import open_artifact_store;"
        "open_artifact_store('x', {}, cache_dir=pathlib.Path('y'));"
        "print([m for m in ('fsspec', 'pyarrow', 'filelock', 'numpy') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
