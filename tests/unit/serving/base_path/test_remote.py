"""The lease of object stores: one holder, and none that was taken for dead goes on."""

from collections.abc import Iterator

import fsspec
import pytest

from pipeline_lib.errors import PushBusyError
from pipeline_lib.serving.base_path.remote import RemoteBase


@pytest.fixture
def remote() -> Iterator[str]:
    files = fsspec.filesystem("memory")
    yield "memory://leases/models"
    if files.exists("/leases"):
        files.rm("/leases", recursive=True)


def test_a_lease_that_is_held_keeps_others_out(remote: str) -> None:
    with RemoteBase(remote).locked(5), pytest.raises(PushBusyError, match="another push"):
        with RemoteBase(remote).locked(0.3):
            pass
    with RemoteBase(remote).locked(1):
        pass


def test_a_silent_holder_loses_the_lease_and_may_not_go_on(
    remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RemoteBase, "_beat", lambda *_: None)  # a stopped process
    silent, next_one = (RemoteBase(remote, lease_seconds=0.4) for _ in range(2))
    with silent.locked(5):
        silent.require_lock()
        with next_one.locked(5):
            next_one.require_lock()
            with pytest.raises(PushBusyError, match="took the lock"):
                silent.write_ledger(silent.read_ledger())


def test_only_one_takes_a_lease_that_is_free(remote: str) -> None:
    with RemoteBase(remote).locked(5):
        pass
    free = RemoteBase(remote)
    assert free._create(9)
    assert not RemoteBase(remote)._create(9)
