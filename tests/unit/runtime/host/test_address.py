import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest

from pipeline_lib.errors import HostUnavailableError
from pipeline_lib.runtime.host.address import (
    LONGEST_PATH,
    host_address,
    host_directory,
    import_time_variables,
)
from pipeline_lib.settings import HostSettings


@pytest.fixture
def short_path():
    """Where a socket's path is not too long; pytest's own is."""
    directory = Path(tempfile.mkdtemp(prefix="plh-"))
    yield directory
    shutil.rmtree(directory)


def test_the_directory_is_made_private(short_path):
    directory = host_directory(HostSettings(directory=short_path / "new" / "hosts"))
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_others_can_enter_is_refused(short_path):
    short_path.chmod(0o755)
    with pytest.raises(HostUnavailableError, match="nobody else can enter") as raised:
        host_directory(HostSettings(directory=short_path))
    assert "mode 0755" in raised.value.facts["got"]


def test_a_link_to_a_directory_is_refused(short_path):
    real = short_path / "real"
    real.mkdir(mode=0o700)
    link = short_path / "link"
    link.symlink_to(real)
    with pytest.raises(HostUnavailableError, match="nobody else can enter"):
        host_directory(HostSettings(directory=link))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_somebody_elses_directory_is_refused(short_path):
    short_path.chmod(0o700)
    os.chown(short_path, 65534, 65534)
    with pytest.raises(HostUnavailableError, match="directory of yours"):
        host_directory(HostSettings(directory=short_path))
    os.chown(short_path, 0, 0)


def test_the_runtime_directory_comes_first(short_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    assert host_directory(HostSettings()) == short_path / "pipeline-lib"


def test_without_one_it_is_among_the_users_temporary_files(short_path, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(short_path))
    assert host_directory(HostSettings()) == short_path / f"pipeline-lib-{os.geteuid()}"


def test_a_path_too_long_for_a_socket_is_replaced(tmp_path):
    settings = HostSettings(directory=tmp_path / ("x" * 120))
    address = host_address(settings, "digest")
    try:
        assert len(str(address.socket)) < LONGEST_PATH
        assert address == host_address(settings, "digest")
    finally:
        address.directory.rmdir()


def test_what_makes_another_host(short_path, monkeypatch):
    settings = HostSettings(directory=short_path / "hosts")
    before = host_address(settings, "one")
    assert host_address(settings, "one") == before
    assert host_address(settings, "one", light=True) != before
    other_environment = host_address(settings, "two")
    assert before.is_outdated_by(other_environment)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    other_variable = host_address(settings, "one")
    assert other_variable != before
    assert not before.is_outdated_by(other_variable), "both are good, each for its clients"


def test_only_variables_that_imports_read_count():
    environ = {"TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": "/x", "AIRFLOW_CTX_DAG_ID": "d", "HOME": "/root"}
    assert set(import_time_variables(environ)) == {"TF_USE_LEGACY_KERAS", "PYTHONPATH"}


def test_the_lock_keeps_others_out(short_path):
    address = host_address(HostSettings(directory=short_path / "hosts"), "one")
    events = []

    def second():
        with address.locked():
            events.append("second")

    with address.locked():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.1)
        events.append("first")
    thread.join(60)
    assert events == ["first", "second"]
