"""Pushing as a transaction: whole versions only, never a number twice, nothing pushed twice."""

import os
import re
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from pipeline_components.errors import NoDestinationError, NotServableError
from pipeline_components.push import push
from pipeline_lib import InfraBlessing, Model, ModelBlessing, workspace
from pipeline_lib.artifacts.workspace import Workspace, use_workspace
from pipeline_lib.errors import PushBusyError, PushFailedError


@pytest.fixture(autouse=True)
def space(tmp_path: Path) -> Iterator[None]:
    with workspace(tmp_path / "staging"):
        yield


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "serving"


def make_model(directory: Path, text: bytes = b"one", *, size: int = 100) -> Model:
    """A directory that looks like a SavedModel, without TensorFlow."""
    serving = directory / "Format-Serving"
    (serving / "variables").mkdir(parents=True)
    (serving / "assets").mkdir()
    (serving / "saved_model.pb").write_bytes(b"\x08\x01" + text)
    (serving / "variables" / "variables.index").write_bytes(b"index")
    (serving / "variables" / "variables.data-00000-of-00001").write_bytes(text * size)
    (serving / "assets" / "vocabulary").write_bytes(text)
    return Model.at(directory, id=5)


def versions(base: Path) -> list[int]:
    return sorted(int(path.name) for path in base.iterdir() if path.name.isdecimal())


def hidden(base: Path) -> set[str]:
    return {path.name for path in base.iterdir() if not path.name.isdecimal()}


def pushed_files(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_push_is_a_whole_version(tmp_path: Path, base: Path) -> None:
    model = make_model(tmp_path / "model")
    before = int(time.time())
    pushed = push.run(model, name="delays", destination=str(base))
    (version,) = versions(base / "delays")
    assert before <= version <= int(time.time())
    assert pushed.pushed
    assert pushed.pushed_version == str(version)
    assert pushed.pushed_destination == f"{base}/delays/{version}"
    served = pushed_files(base / "delays" / str(version))
    assert served == pushed_files(model.path / "Format-Serving") == pushed_files(pushed.path)


def test_the_profile_names_the_destination(tmp_path: Path, base: Path) -> None:
    with use_workspace(Workspace(staging=tmp_path, context={"serving": {"base_path": str(base)}})):
        pushed = push.run(make_model(tmp_path / "model"), name="delays")
    assert pushed.pushed_destination is not None
    assert pushed.pushed_destination.startswith(f"{base}/delays/")


def test_no_destination_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoDestinationError, match="where to push model 'delays'"):
        push.run(make_model(tmp_path / "model"), name="delays")


@pytest.mark.parametrize("name", ["", "../other", "a/b", ".hidden"])
def test_the_name_is_one_directory(tmp_path: Path, base: Path, name: str) -> None:
    with pytest.raises(NoDestinationError, match="cannot be the name"):
        push.run(make_model(tmp_path / "model"), name=name, destination=str(base))


@pytest.mark.parametrize(
    ("blessing", "infra_blessing", "reason"),
    [
        pytest.param(
            ModelBlessing.at("/none", blessed=False, outcome="threshold_missed"),
            None,
            "threshold_missed",
            id="model",
        ),
        pytest.param(
            ModelBlessing.at("/none", blessed=True, outcome="blessed"),
            InfraBlessing.at("/none", blessed=False),
            "trial in a server",
            id="infra",
        ),
    ],
)
def test_what_is_not_blessed_is_not_pushed(
    tmp_path: Path, base: Path, blessing: ModelBlessing, infra_blessing: InfraBlessing | None, reason: str
) -> None:
    pushed = push.run(
        make_model(tmp_path / "model"), blessing, infra_blessing, name="delays", destination=str(base)
    )
    assert not pushed.pushed
    assert pushed.reason is not None
    assert reason in pushed.reason
    assert pushed.pushed_version is None
    assert not base.exists()


def test_a_model_with_warm_up_requests_is_preferred(tmp_path: Path, base: Path) -> None:
    stamped = make_model(tmp_path / "stamped", b"stamped")
    (stamped.path / "Format-Serving").rename(stamped.path / "stamped_model")
    trial = InfraBlessing.at(stamped.path, blessed=True, has_model=True)
    pushed = push.run(make_model(tmp_path / "model"), None, trial, name="delays", destination=str(base))
    assert pushed.pushed_destination is not None
    assert (Path(pushed.pushed_destination) / "assets" / "vocabulary").read_bytes() == b"stamped"


def test_the_same_content_is_pushed_once(tmp_path: Path, base: Path) -> None:
    first = push.run(make_model(tmp_path / "a"), name="delays", destination=str(base))
    again = push.run(make_model(tmp_path / "b"), name="delays", destination=str(base))
    assert again.pushed_version == first.pushed_version
    assert len(versions(base / "delays")) == 1


def test_going_back_to_earlier_content_is_a_new_version(tmp_path: Path, base: Path) -> None:
    one, two = make_model(tmp_path / "a", b"one"), make_model(tmp_path / "b", b"two")
    numbers = [
        push.run(model, name="delays", destination=str(base)).pushed_version for model in (one, two, one)
    ]
    assert len(set(numbers)) == 3
    assert numbers == sorted(numbers, key=lambda number: int(number or 0))


def test_a_damaged_newest_version_is_pushed_anew(tmp_path: Path, base: Path) -> None:
    model = make_model(tmp_path / "a")
    first = push.run(model, name="delays", destination=str(base))
    (base / "delays" / str(first.pushed_version) / "assets" / "vocabulary").unlink()
    assert push.run(model, name="delays", destination=str(base)).pushed_version != first.pushed_version


def test_a_number_is_never_used_again(tmp_path: Path, base: Path) -> None:
    (base / "delays" / "9999999999").mkdir(parents=True)  # someone else's, ahead of the clock
    first = push.run(make_model(tmp_path / "a", b"one"), name="delays", destination=str(base))
    assert first.pushed_version == "10000000000"
    for version in versions(base / "delays"):  # a rollback by deletion
        (base / "delays" / str(version)).rename(base / f"removed-{version}")
    second = push.run(make_model(tmp_path / "b", b"two"), name="delays", destination=str(base))
    assert second.pushed_version == "10000000001"


def test_a_server_sees_nothing_but_hidden_names_and_versions(tmp_path: Path, base: Path) -> None:
    push.run(make_model(tmp_path / "a"), name="delays", destination=str(base))
    assert hidden(base / "delays") == {".push"}


def test_a_poller_never_sees_a_partial_version(tmp_path: Path, base: Path) -> None:
    models = [make_model(tmp_path / str(i), str(i).encode(), size=200_000) for i in range(5)]
    whole = set(pushed_files(models[0].path / "Format-Serving"))
    stop, partial = threading.Event(), []

    def poll() -> None:
        while not stop.is_set():
            for version in versions(base / "delays") if (base / "delays").exists() else []:
                if set(pushed_files(base / "delays" / str(version))) != whole:
                    partial.append(version)

    poller = threading.Thread(target=poll)
    poller.start()
    for model in models:
        push.run(model, name="delays", destination=str(base))
    stop.set()
    poller.join()
    assert partial == []
    assert len(versions(base / "delays")) == 5


def test_pushes_at_once_get_versions_of_their_own(tmp_path: Path, base: Path) -> None:
    models = [make_model(tmp_path / str(i), str(i).encode()) for i in range(8)]

    def one(model: Model) -> str | None:
        with workspace(tmp_path / "staging"):
            return push.run(model, name="delays", destination=str(base)).pushed_version

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(one, models))
    assert len(set(numbers)) == 8
    assert versions(base / "delays") == sorted(int(number or 0) for number in numbers)[-5:]  # those kept


def test_a_push_that_does_not_end_stops_the_next(tmp_path: Path, base: Path) -> None:
    from filelock import FileLock

    (base / "delays" / ".push").mkdir(parents=True)
    with FileLock(base / "delays" / ".push" / "lock"), pytest.raises(PushBusyError, match="another push"):
        push.run(make_model(tmp_path / "a"), name="delays", destination=str(base), wait_seconds=0.05)


def test_a_full_disk_leaves_nothing(tmp_path: Path, base: Path) -> None:
    push.run(make_model(tmp_path / "a", b"one"), name="delays", destination=str(base))
    big = make_model(tmp_path / "b", b"two", size=100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(PushFailedError, match="refused a write"):
            push.run(big, name="delays", destination=str(base))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(versions(base / "delays")) == 1
    assert hidden(base / "delays") == {".push"}


def test_a_destination_that_is_a_file_is_refused(tmp_path: Path, base: Path) -> None:
    base.write_text("in the way")
    with pytest.raises(PushFailedError, match="refused a write"):
        push.run(make_model(tmp_path / "a"), name="delays", destination=str(base))


KILLED = textwrap.dedent(
    """
    import os, sys, shutil
    from pathlib import Path
    from pipeline_components.push import push
    from pipeline_lib import Model, workspace
    from pipeline_lib.serving.base_path import local as _base

    real = _base._copy_synced

    def copy_and_die(source, target):
        real(source, target)
        if source.name == "variables.index":
            os.kill(os.getpid(), 9)

    _base._copy_synced = copy_and_die
    with workspace(Path(sys.argv[3])):
        push.run(Model.at(sys.argv[1], id=1), name="delays", destination=sys.argv[2])
    """
)


def test_a_killed_push_leaves_no_version_and_is_cleared_away(tmp_path: Path, base: Path) -> None:
    model = make_model(tmp_path / "a")
    script = [sys.executable, "-c", KILLED, str(model.path), str(base), str(tmp_path / "staging")]
    ended = subprocess.run(script, check=False, env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)))
    assert ended.returncode == -signal.SIGKILL
    assert versions(base / "delays") == []
    assert any(name.startswith(".incoming-") for name in hidden(base / "delays"))
    push.run(model, name="delays", destination=str(base))
    assert len(versions(base / "delays")) == 1
    assert hidden(base / "delays") == {".push"}


def damaged(directory: Path, kind: str) -> Model:
    model = make_model(directory)
    serving = directory / "Format-Serving"
    match kind:
        case "no file":
            (serving / "saved_model.pb").unlink()
        case "not a model":
            (serving / "saved_model.pb").write_bytes(b"<html>")
        case "empty":
            (serving / "saved_model.pb").write_bytes(b"")
        case "no index":
            (serving / "variables" / "variables.index").unlink()
        case "missing shard":
            shard = serving / "variables" / "variables.data-00000-of-00001"
            shard.rename(shard.with_name("variables.data-00000-of-00002"))
    return model


@pytest.mark.parametrize("kind", ["no file", "not a model", "empty", "no index", "missing shard"])
def test_what_cannot_be_served_is_not_pushed(tmp_path: Path, base: Path, kind: str) -> None:
    with pytest.raises(NotServableError, match=re.compile("SavedModel")):
        push.run(damaged(tmp_path / "model", kind), name="delays", destination=str(base))
    assert not base.exists()


@pytest.fixture
def remote() -> Iterator[str]:
    files = fsspec.filesystem("memory")
    yield "memory://push-test/models"
    files.rm("/push-test", recursive=True)


def test_an_object_store_works_the_same(tmp_path: Path, remote: str) -> None:
    files = fsspec.filesystem("memory")
    first = push.run(make_model(tmp_path / "a", b"one"), name="delays", destination=remote)
    again = push.run(make_model(tmp_path / "b", b"one"), name="delays", destination=remote)
    other = push.run(make_model(tmp_path / "c", b"two"), name="delays", destination=remote)
    assert first.pushed_version == again.pushed_version != other.pushed_version
    assert files.cat_file(f"/push-test/models/delays/{other.pushed_version}/assets/vocabulary") == b"two"


def test_an_object_store_that_refuses_is_cleaned(
    tmp_path: Path, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = fsspec.filesystem("memory")
    real = type(files).put_file

    def refuse(self: object, source: str, target: str, **options: object) -> None:
        if source.endswith("variables.index"):
            raise PermissionError(13, "Permission denied")
        real(self, source, target, **options)

    monkeypatch.setattr(type(files), "put_file", refuse)
    with pytest.raises(PushFailedError, match="Permission denied"):
        push.run(make_model(tmp_path / "a"), name="delays", destination=remote)
    assert [path for path in files.find("/push-test/models/delays") if "/.push/" not in path] == []


def test_a_version_half_written_by_a_killed_push_is_removed(tmp_path: Path, remote: str) -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file("/push-test/models/delays/1700000000/variables/variables.index", b"index")
    push.run(make_model(tmp_path / "a"), name="delays", destination=remote)
    assert not files.exists("/push-test/models/delays/1700000000")


def test_it_needs_no_heavy_library(tmp_path: Path, base: Path) -> None:
    model = make_model(tmp_path / "a")
    code = (
        "import sys; from pathlib import Path; from pipeline_components.push import push; "
        "from pipeline_lib import Model, workspace\n"
        f"with workspace(Path({str(tmp_path / 'out')!r})): push.run(Model.at({str(model.path)!r}), name='m', "
        f"destination={str(base)!r})\n"
        "heavy = {'tensorflow', 'numpy', 'pyarrow', 'apache_beam', 'ml_metadata'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
