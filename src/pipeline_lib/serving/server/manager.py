"""The versions that a server has loaded: follows the base paths, never serves less than before a change.

A request takes the servable it is given with it: a version that is dropped meanwhile is freed when the last
request that holds it ends, and no lock is taken to predict.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from pipeline_lib.serving.server.refusals import Refusal, Status, invalid
from pipeline_lib.serving.server.sources import Source
from pipeline_lib.serving.versions import ModelConfig, VersionState, VersionStatus

S = TypeVar("S")
Loader = Callable[[Path], S]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version(Generic[S]):
    state: VersionState
    servable: S | None = None
    error: str = ""
    tries: int = 0
    retry_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Model(Generic[S]):
    config: ModelConfig
    labels: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[int, _Version[S]] = field(default_factory=dict)

    def available(self) -> dict[int, S]:
        return {
            number: version.servable
            for number, version in sorted(self.versions.items())
            if version.servable is not None and version.state is VersionState.AVAILABLE
        }


class ModelManager(Generic[S]):
    """Loads, serves and drops versions.

    Args:
        load: Makes a servable of a version's directory; raises what it likes.
        configs: The models.
        source: Where their base paths are.
        max_retries: Further tries at a version that does not load.
        retry_seconds: Between them.
        early_labels: Whether a label that is not in use may name a version that is not available yet.
        dropped: Called after versions were dropped.
    """

    def __init__(
        self,
        load: Loader[S],
        configs: Sequence[ModelConfig],
        *,
        source: Source,
        max_retries: int = 5,
        retry_seconds: float = 60.0,
        early_labels: bool = False,
        dropped: Callable[[], None] = lambda: None,
    ) -> None:
        self._load = load
        self._source = source
        self._early_labels = early_labels
        self._dropped = dropped
        self._max_retries = max_retries
        self._retry_seconds = retry_seconds
        # Replaced, never changed in place: readers need no lock.
        self._models: dict[str, _Model[S]] = {config.name: _Model(config) for config in configs}
        self._changing = threading.Lock()
        self._stopped = threading.Event()

    def serves(self, name: str) -> bool:
        """Whether a model of that name is configured."""
        return name in self._models

    def find(self, name: str, version: int | None = None, label: str | None = None) -> tuple[int, S]:
        """The version that answers a request, and its number.

        Raises:
            Refusal: NOT_FOUND if it is not available, INVALID_ARGUMENT for an unknown label.
        """
        model = self._models.get(name)
        if label and version is not None:
            raise invalid(
                f"Both model version ({version}) and model version label ({label}) cannot be supplied."
            )
        if model is not None and label:
            if label not in model.labels:
                raise invalid(f"Unrecognized servable version label: {label}")
            version = model.labels[label]
        asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        found = model.available() if model is not None else {}
        number = max(found, default=None) if version is None else version
        if number is None or number not in found:
            raise Refusal(Status.NOT_FOUND, f"Servable not found for request: {asked}")
        return number, found[number]

    def status(self, name: str, version: int | None = None, label: str | None = None) -> list[VersionStatus]:
        """States of a model's versions, the newest first.

        Raises:
            Refusal: NOT_FOUND for an unknown model or version, INVALID_ARGUMENT for an unknown label.
        """
        model = self._models.get(name)
        if model is None or not model.versions:
            raise Refusal(Status.NOT_FOUND, f"Could not find any versions of model {name}")
        if label:
            if label not in model.labels:
                raise invalid(f"Unrecognized servable version label: {label}")
            version = model.labels[label]
        if version is not None and version not in model.versions:
            raise Refusal(Status.NOT_FOUND, f"Could not find version {version} of model {name}")
        return [
            VersionStatus(
                version=number,
                state=one.state,
                error_code="INTERNAL" if one.error else "OK",
                error_message=one.error,
            )
            for number, one in sorted(model.versions.items(), reverse=True)
            if version in {None, number}
        ]

    def poll(self) -> None:
        """Look at every base path once: load what is new, then drop what is no longer wanted."""
        with self._changing:
            for name in list(self._models):
                try:
                    self._follow(name)
                except OSError as error:
                    _LOG.warning("the base path of %s cannot be read now: %s", name, error)

    def reload(self, configs: Sequence[ModelConfig]) -> None:
        """Replace the configuration; models that it does not name are unloaded.

        Raises:
            Refusal: FAILED_PRECONDITION if a label names a version that is not available; then nothing is
                changed.
        """
        with self._changing:
            before = self._models
            for config in configs:
                self._require_loaded(config, before.get(config.name))
            # Labels first: what they named before may go.
            self._models = {
                config.name: replace(
                    before.get(config.name, _Model(config)), config=config, labels=dict(config.labels)
                )
                for config in configs
            }
            gone = {
                name: (model.config.base_path, list(model.versions))
                for name, model in before.items()
                if name not in self._models
            }
            del before
            try:
                for config in configs:
                    self._follow(config.name)
            except OSError as error:
                raise Refusal(Status.UNAVAILABLE, f"A base path cannot be read: {error}") from error
            finally:
                self._forget(gone)

    def run(self, poll_seconds: float) -> None:
        """Poll until `stop`; a base path that cannot be read now is read the next time."""
        while not self._stopped.wait(poll_seconds):
            try:
                self.poll()
            except Exception:  # noqa: BLE001 -- a server that no longer follows its models would go unnoticed
                _LOG.exception("the models could not be followed; they are served as they are")

    def stopped(self, seconds: float) -> bool:
        """Wait so long for `stop`; whether it was called."""
        return self._stopped.wait(seconds)

    def stop(self) -> None:
        """End `run`, and serve nothing from now on."""
        self._stopped.set()
        with self._changing:
            self._models = {}

    def _forget(self, gone: Mapping[str, tuple[str, list[int]]]) -> None:
        for name, (base_path, numbers) in gone.items():
            for number in numbers:
                self._source.forget(base_path, number)
            _LOG.info("unloaded %s", name)
        if gone:
            self._dropped()

    def _require_loaded(self, config: ModelConfig, model: _Model[S] | None) -> None:
        for label, version in config.labels.items():
            known = {} if model is None else model.labels
            early = self._early_labels and known.get(label, version) == version
            if not early and (model is None or version not in model.available()):
                raise Refusal(
                    Status.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {config.name}, which is not "
                    "currently available for inference",
                )

    def _follow(self, name: str) -> None:
        config = self._models[name].config
        present = self._source.present(config.base_path)
        wanted = config.policy.choose(present)
        if not wanted:  # an emptied or unreachable base path takes nothing away
            return
        for number in reversed(wanted):
            self._bring_up(name, number)
        model = self._models[name]
        kept = set(wanted) & set(model.available())
        if not kept:  # the new ones are broken: the old ones go on serving
            return
        dropped = [number for number in model.available() if number not in wanted]
        ended: dict[int, _Version[S]] = {number: _Version(state=VersionState.END) for number in dropped}
        gone = [number for number in model.versions if number not in wanted and number not in dropped]
        if dropped or any(number not in present for number in gone):
            versions = {
                number: version
                for number, version in {**model.versions, **ended}.items()
                if number in present or number in dropped
            }
            self._put(name, replace(model, versions=versions))
            del model
        for number in dropped:
            _LOG.info("%s version %d is no longer wanted", name, number)
        if dropped:
            self._forget({name: (config.base_path, dropped)})
        if config.labels != self._models[name].labels and set(config.labels.values()) <= set(
            self._models[name].available()
        ):
            self._put(name, replace(self._models[name], labels=dict(config.labels)))

    def _bring_up(self, name: str, number: int) -> None:
        model = self._models[name]
        known = model.versions.get(number)
        if known is not None and known.state is VersionState.AVAILABLE:
            return
        tries = 0
        if known is not None and known.error:
            tries = known.tries
            if tries > self._max_retries or time.monotonic() < known.retry_at:
                return
        self._set(name, number, _Version(state=VersionState.LOADING))
        started = time.monotonic()
        try:
            servable = self._load(self._source.fetch(model.config.base_path, number))
        except Exception as error:  # noqa: BLE001 -- a model is code: whatever it raises, the others are served
            _LOG.warning("%s version %d does not load: %s", name, number, error)
            self._set(
                name,
                number,
                _Version(
                    state=VersionState.END,
                    error=f"{type(error).__name__}: {error}",
                    tries=tries + 1,
                    retry_at=time.monotonic() + self._retry_seconds,
                ),
            )
            return
        self._set(name, number, _Version(state=VersionState.AVAILABLE, servable=servable))
        _LOG.info("serving %s version %d, loaded in %.2f s", name, number, time.monotonic() - started)

    def _set(self, name: str, number: int, version: _Version[S]) -> None:
        model = self._models[name]
        self._put(name, replace(model, versions={**model.versions, number: version}))

    def _put(self, name: str, model: _Model[S]) -> None:
        self._models = {**self._models, name: model}
