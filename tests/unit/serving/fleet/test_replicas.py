"""The servers of a profile: silence is told from refusal, and REST cannot be told what to serve."""

import pytest

from pipeline_lib.errors import ProfileError, PushUndoneError, ServerUnreachableError
from pipeline_lib.serving.fleet.replicas import Fleet, RestReplica, open_fleet
from pipeline_lib.serving.versions import VersionState, VersionStatus
from pipeline_lib.settings import ServingSettings

SETTINGS = ServingSettings.model_validate(
    {
        "replicas": [{"rest": "http://127.0.0.1:1"}],
        "load_timeout_seconds": 0.2,
        "request_timeout_seconds": 0.2,
    }
)


class Loading:
    """Has a version that is in a state for ever."""

    name = "server:1"

    def __init__(self, state: VersionState, error_code: str = "OK") -> None:
        self._status = VersionStatus(version=7, state=state, error_code=error_code, error_message="bad")

    def status(self, _: str) -> list[VersionStatus]:
        return [self._status]

    def answer(self, *_: object) -> object:
        return {}

    def reload(self, *_: object) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def test_a_silent_server_is_left_out_and_named() -> None:
    with open_fleet(SETTINGS) as fleet:
        kept, silent = fleet.answering("m")
        assert (kept.replicas, silent) == ((), ["http://127.0.0.1:1"])
        with pytest.raises(ServerUnreachableError, match="does not answer"):
            fleet.wait_until_available("m", 7, lambda: None)


def test_a_server_by_rest_cannot_be_told() -> None:
    with pytest.raises(ProfileError, match="cannot be told by REST"):
        RestReplica("http://127.0.0.1:1", SETTINGS).reload([], 1)


@pytest.mark.parametrize(
    ("server", "match"),
    [
        (Loading(VersionState.END, "INTERNAL"), "does not load"),
        (Loading(VersionState.LOADING), "is not AVAILABLE after"),
    ],
)
def test_a_version_that_does_not_come(server: Loading, match: str) -> None:
    with pytest.raises(PushUndoneError, match=match):
        Fleet(replicas=(server,), settings=SETTINGS).wait_until_available("m", 7, lambda: None)


def test_a_version_that_does_not_go() -> None:
    fleet = Fleet(replicas=(Loading(VersionState.AVAILABLE),), settings=SETTINGS)
    with pytest.raises(PushUndoneError, match="is still served"):
        fleet.wait_until_gone("m", 7, lambda: None)


def test_who_only_asks_does_so_by_rest() -> None:
    settings = ServingSettings.model_validate(
        {"replicas": [{"grpc": "127.0.0.1:1", "rest": "http://127.0.0.1:1"}], "control": "reload"}
    )
    with open_fleet(settings, only_ask=True) as fleet:
        assert isinstance(fleet.replicas[0], RestReplica)
