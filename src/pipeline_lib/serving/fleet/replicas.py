"""The servers of a profile: what each serves, what it answers, and telling all of them what to serve."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pipeline_lib.errors import (
    GoldenAnswersError,
    ModelNotServedError,
    PipelineError,
    ProfileError,
    PushUndoneError,
    ServerUnreachableError,
)
from pipeline_lib.serving.fleet import golden
from pipeline_lib.serving.fleet.golden import GoldenRequest
from pipeline_lib.serving.versions import ModelConfig, VersionState, VersionStatus
from pipeline_lib.settings import ReplicaSettings, ServingSettings

_LOOK_EVERY_SECONDS = 0.05

Watch = Callable[[], None]


class Replica(Protocol):
    """One server."""

    @property
    def name(self) -> str:
        """Its address."""

    def status(self, model: str) -> list[VersionStatus]:
        """States of a model's versions."""

    def answer(self, model: str, version: int | None, label: str | None, ask: GoldenRequest) -> Any:
        """Outputs of a request, nested lists by name."""

    def reload(self, configs: Sequence[ModelConfig], timeout_seconds: float) -> None:
        """Serve these models and no others."""

    def close(self) -> None:
        """Close the connections."""


class GrpcReplica:
    """A server by gRPC; TensorFlow is imported when the first of them is made."""

    def __init__(self, address: str, settings: ServingSettings) -> None:
        from pipeline_lib.serving.clients.rpc import GrpcClient

        self.name = address
        self._client = GrpcClient(address, timeout_seconds=settings.request_timeout_seconds, tls=settings.tls)

    def status(self, model: str) -> list[VersionStatus]:
        """States of a model's versions."""
        return self._client.status(model)

    def answer(self, model: str, version: int | None, label: str | None, ask: GoldenRequest) -> Any:
        """Outputs of a request."""
        import numpy as np

        inputs = {
            name: np.array(golden.as_bytes(column.values), dtype=_numpy_type(column.dtype))
            for name, column in ask.inputs.items()
        }
        found = self._client.predict(model, inputs, signature=ask.signature, version=version, label=label)
        return {name: golden.plain(array.tolist()) for name, array in found.items()}

    def reload(self, configs: Sequence[ModelConfig], timeout_seconds: float) -> None:
        """Serve these models and no others."""
        self._client.reload(configs, timeout_seconds=timeout_seconds)

    def close(self) -> None:
        """Close the channel."""
        self._client.close()


class RestReplica:
    """A server by REST, which can be asked but not told."""

    def __init__(self, url: str, settings: ServingSettings) -> None:
        from pipeline_lib.serving.clients.rest import RestClient

        self.name = url
        self._client = RestClient(url, timeout_seconds=settings.request_timeout_seconds, tls=settings.tls)

    def status(self, model: str) -> list[VersionStatus]:
        """States of a model's versions."""
        return self._client.status(model)

    def answer(self, model: str, version: int | None, label: str | None, ask: GoldenRequest) -> Any:
        """Outputs of a request."""
        inputs = {name: golden.as_sent(column.values) for name, column in ask.inputs.items()}
        found = self._client.predict_columns(
            model, inputs, signature=ask.signature, version=version, label=label
        )
        if len(ask.outputs) == 1 and not (isinstance(found, dict) and "b64" not in found):
            return {next(iter(ask.outputs)): found}
        return found

    def reload(self, configs: Sequence[ModelConfig], timeout_seconds: float) -> None:
        """There is no such thing in REST.

        Raises:
            ProfileError: Always.
        """
        del configs, timeout_seconds
        raise ProfileError(
            "a server cannot be told by REST what to serve",
            at=self.name,
            fix="give its gRPC address in serving.replicas, or serving.control: follow",
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Replicas of a profile.

    Attributes:
        settings: Times and tolerance.
    """

    replicas: tuple[Replica, ...]
    settings: ServingSettings

    def wait_until_available(self, model: str, version: int, watch: Watch) -> None:
        """Wait until every replica serves a version.

        Raises:
            PushUndoneError: It does not load in one of them, or not in time.
            ServerUnreachableError: A replica does not answer all that time.
        """
        deadline = time.monotonic() + self.settings.load_timeout_seconds
        for replica in self.replicas:
            told = "the server does not know it"
            while True:
                watch()
                unreachable: PipelineError | None = None
                try:
                    one = _seen(replica, model, version)
                except ServerUnreachableError as error:
                    unreachable = error
                else:
                    if one is not None and one.state is VersionState.AVAILABLE:
                        break
                    if one is not None and one.state is VersionState.END and one.error_code != "OK":
                        raise _not_loaded(model, version, replica, one.error_message)
                    told = one.state.name if one is not None else told
                if time.monotonic() > deadline:
                    raise unreachable or _not_in_time(
                        model, version, replica, told, self.settings.load_timeout_seconds
                    )
                time.sleep(_LOOK_EVERY_SECONDS)

    def wait_until_gone(self, model: str, version: int, watch: Watch) -> None:
        """Wait until no replica serves a version any more.

        Raises:
            PushUndoneError: One still does after the time to load.
        """
        deadline = time.monotonic() + self.settings.load_timeout_seconds
        for replica in self.replicas:
            while (one := _seen(replica, model, version)) and one.state is VersionState.AVAILABLE:
                watch()
                if time.monotonic() > deadline:
                    raise PushUndoneError(
                        f"version {version} of {model} is still served",
                        at=replica.name,
                        fix="see whether the server follows this base path, and how often it looks",
                    )
                time.sleep(_LOOK_EVERY_SECONDS)

    def check(
        self, model: str, version: int, requests: Sequence[GoldenRequest], label: str | None = None
    ) -> None:
        """Compare every replica's answers with the golden ones.

        Raises:
            GoldenAnswersError: One differs.
            ServingRefusedError: The server refuses a request that the evaluated model answered.
        """
        for replica in self.replicas:
            for number, ask in enumerate(requests):
                given = replica.answer(model, None if label else version, label, ask)
                wrong = golden.differences(ask.outputs, given, tolerance=self.settings.golden_tolerance)
                if wrong:
                    raise GoldenAnswersError(
                        f"version {version} of {model} answers otherwise than the evaluated model",
                        at=replica.name,
                        request=f"{number} of {len(requests)}, signature {ask.signature}",
                        got="; ".join(wrong),
                        fix="compare TensorFlow's versions of training and server; or raise "
                        "serving.golden_tolerance if the difference is rounding",
                    )

    def answering(self, model: str) -> tuple["Fleet", list[str]]:
        """The replicas that answer now, and the names of the others."""
        states = self.states(model)
        silent = [name for name, told in states.items() if isinstance(told, ServerUnreachableError)]
        kept = tuple(replica for replica in self.replicas if replica.name not in silent)
        return replace(self, replicas=kept), silent

    def states(self, model: str) -> Mapping[str, list[VersionStatus] | PipelineError]:
        """What each replica says of a model, or why it says nothing."""
        found: dict[str, list[VersionStatus] | PipelineError] = {}
        for replica in self.replicas:
            try:
                found[replica.name] = replica.status(model)
            except ModelNotServedError:
                found[replica.name] = []
            except PipelineError as error:
                found[replica.name] = error
        return found


@contextmanager
def open_fleet(settings: ServingSettings, *, only_ask: bool = False) -> Iterator[Fleet]:
    """Connect to the replicas of a profile.

    Args:
        settings: Of the profile.
        only_ask: They are not told what to serve.

    Raises:
        ProfileError: A replica has no gRPC address, and must be told what to serve.
    """
    replicas: list[Replica] = []
    try:
        for one in settings.replicas:
            replicas.append(_connected(one, settings, only_ask=only_ask))
        yield Fleet(replicas=tuple(replicas), settings=settings)
    finally:
        for replica in replicas:
            replica.close()


def _connected(one: ReplicaSettings, settings: ServingSettings, *, only_ask: bool) -> Replica:
    # REST where it will do: it needs no TensorFlow, whose import takes seconds.
    if one.rest and (only_ask or settings.control == "follow" or not one.grpc):
        return RestReplica(one.rest, settings)
    return GrpcReplica(str(one.grpc), settings)


def _seen(replica: Replica, model: str, version: int) -> VersionStatus | None:
    try:
        return next((one for one in replica.status(model) if one.version == version), None)
    except ModelNotServedError:
        return None


def _numpy_type(name: str) -> Any:
    return object if name == "string" else name


def _not_loaded(model: str, version: int, replica: Replica, why: str) -> PushUndoneError:
    return PushUndoneError(
        f"version {version} of {model} does not load",
        at=replica.name,
        reason=why or None,
        fix="look at the server's log; train the model again if its files are damaged",
    )


def _not_in_time(model: str, version: int, replica: Replica, told: str, seconds: float) -> PushUndoneError:
    return PushUndoneError(
        f"version {version} of {model} is not AVAILABLE after {seconds:g} s",
        at=replica.name,
        state=told,
        fix="see whether the server follows this base path, or raise serving.load_timeout_seconds",
    )
