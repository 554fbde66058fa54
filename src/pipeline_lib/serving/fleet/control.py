"""How the servers are brought to serve a version: told by us, followed by them, or not known to us."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from pipeline_lib.errors import ModelNotServedError, PipelineError
from pipeline_lib.faults import reached
from pipeline_lib.serving.base_path.ledger import STABLE, Ledger
from pipeline_lib.serving.base_path.places import models_below, open_base
from pipeline_lib.serving.fleet.golden import GoldenRequest
from pipeline_lib.serving.fleet.replicas import Fleet, Replica, Watch
from pipeline_lib.serving.versions import ModelConfig, Specific, VersionState
from pipeline_lib.settings import ServingSettings

CANDIDATE = ".candidate"


class Control(Protocol):
    """The servers of one model."""

    def prepare(self, ledger: Ledger, watch: Watch) -> None:
        """Before a new version appears on the base path: nobody may take it by themselves who need not."""

    def switch(
        self,
        before: Ledger,
        after: Ledger,
        requests: Sequence[GoldenRequest],
        watch: Watch,
        version: int | None,
    ) -> None:
        """Have all servers serve what `after` says, beside what they serve, and confirm it.

        Args:
            before: What they serve.
            after: What they are to serve.
            requests: Of the new version, with the answers that it must give.
            watch: Called while waiting; raises to give up.
            version: The new one; None if nothing new is served.

        Raises:
            PipelineError: They are not there; some of them may be.
        """

    def settle(self, before: Ledger, after: Ledger, watch: Watch) -> None:
        """Have nobody serve any more what `before` says and `after` does not."""

    def restore(self, ledger: Ledger, moving_to: int | None = None) -> list[str]:
        """Bring the servers that answer to what the ledger says.

        Args:
            ledger: What they are to serve.
            moving_to: The version that a rollback or promotion, which is taken back, was making live.

        Returns:
            The names of those that do not answer.
        """


class Unconfirmed:
    """No server is known: whoever polls the base path takes what is there."""

    def prepare(self, ledger: Ledger, watch: Watch) -> None:
        """Nothing can be done."""

    def switch(
        self,
        before: Ledger,
        after: Ledger,
        requests: Sequence[GoldenRequest],
        watch: Watch,
        version: int | None,
    ) -> None:
        """Nothing can be asked."""
        del before, after, requests, version
        watch()
        reached("push-available")
        reached("push-checked")
        reached("push-labelled")

    def settle(self, before: Ledger, after: Ledger, watch: Watch) -> None:
        """Nothing can be asked."""

    def restore(self, ledger: Ledger, moving_to: int | None = None) -> list[str]:
        """Nothing can be told."""
        del ledger, moving_to
        return []


class Following:
    """Servers that serve the newest version on the base path, and look for it themselves."""

    def __init__(self, name: str, fleet: Fleet) -> None:
        self._name, self._fleet = name, fleet

    def prepare(self, ledger: Ledger, watch: Watch) -> None:
        """Nothing can be told."""

    def switch(
        self,
        before: Ledger,
        after: Ledger,
        requests: Sequence[GoldenRequest],
        watch: Watch,
        version: int | None,
    ) -> None:
        """Wait for them, and compare answers."""
        del before
        if version is None or version != after.live:
            return  # a server that takes the newest version knows no labels
        self._fleet.wait_until_available(self._name, version, watch)
        reached("push-available")
        self._fleet.check(self._name, version, requests)
        reached("push-checked")

    def settle(self, before: Ledger, after: Ledger, watch: Watch) -> None:
        """Wait until what was live is not served any more."""
        if before.live is not None and before.live != after.live:
            self._fleet.wait_until_gone(self._name, before.live, watch)

    def restore(self, ledger: Ledger, moving_to: int | None = None) -> list[str]:
        """Nothing needs to be told: they see the base path."""
        del ledger, moving_to
        return []


class Reloading:
    """Servers that are told which versions to serve.

    A version is first loaded under a name that nobody asks for, and questioned there: no request of a user
    ever reaches one that has not answered right in that very server.
    """

    def __init__(self, name: str, fleet: Fleet, settings: ServingSettings) -> None:
        self._name, self._fleet, self._settings = name, fleet, settings

    def prepare(self, ledger: Ledger, watch: Watch) -> None:
        """Pin what is live: a server that was started to follow the base path would take the new version."""
        for replica in self._fleet.replicas:
            self._bring(replica, ledger, watch)

    def switch(
        self,
        before: Ledger,
        after: Ledger,
        requests: Sequence[GoldenRequest],
        watch: Watch,
        version: int | None,
    ) -> None:
        """Load beside, question, serve both, move the label."""
        name = self._name
        if version is None:
            self._tell(after)
            return
        trial = ModelConfig(
            name=f"{name}{CANDIDATE}", base_path=self._base_path(name), policy=Specific((version,))
        )
        self._tell(before, trial)
        self._fleet.wait_until_available(trial.name, version, watch)
        reached("push-available")
        self._fleet.check(trial.name, version, requests)
        reached("push-checked")
        both = {*before.labels.values(), version}
        self._tell(before, versions=both)
        self._fleet.wait_until_available(name, version, watch)
        # A label names a version that is loaded, or a server refuses the whole configuration.
        self._tell(after, versions=both)
        reached("push-labelled")

    def settle(self, before: Ledger, after: Ledger, watch: Watch) -> None:
        """Tell them to drop what was live, and wait until they have."""
        self._tell(after)
        if before.live is not None and before.live not in after.labels.values():
            self._fleet.wait_until_gone(self._name, before.live, watch)

    def restore(self, ledger: Ledger, moving_to: int | None = None) -> list[str]:
        """Send each the configuration that the ledger stands for, by way of what it serves now."""
        missed = []
        for replica in self._fleet.replicas:
            try:
                self._bring(replica, ledger, _patiently, moving_to)
            except PipelineError:
                missed.append(replica.name)
        return missed

    def _bring(self, replica: Replica, ledger: Ledger, watch: Watch, moving_to: int | None = None) -> None:
        there, wanted = available(replica, self._name), {*ledger.labels.values()}
        if wanted - there:  # it started anew, or a change died after it had dropped something
            # Whoever asks by a label gets what it names now, until what it is to name is loaded.
            labels = {label: version for label, version in ledger.labels.items() if version in there}
            if STABLE not in labels and moving_to in there:
                labels[STABLE] = moving_to
            self._send(replica, replace(ledger, labels=labels), versions=there | wanted)
            fleet = replace(self._fleet, replicas=(replica,))
            for version in sorted(wanted - there):
                fleet.wait_until_available(self._name, version, watch)
        self._send(replica, ledger)

    def _tell(self, ledger: Ledger, *more: ModelConfig, versions: Iterable[int] | None = None) -> None:
        for replica in self._fleet.replicas:
            self._send(replica, ledger, *more, versions=versions)

    def _send(
        self,
        replica: Replica,
        ledger: Ledger,
        *more: ModelConfig,
        versions: Iterable[int] | None = None,
    ) -> None:
        mine = self._config(self._name, ledger, ledger.labels.values() if versions is None else versions)
        others = [
            config
            for name in models_below(self._settings.base_path)
            if name != self._name
            for config in self._config_of_other(name, replica)
        ]
        replica.reload([*mine, *others, *more], self._settings.load_timeout_seconds)

    def _config_of_other(self, name: str, replica: Replica) -> list[ModelConfig]:
        base = open_base(f"{self._settings.base_path}/{name}")
        ledger = base.read_ledger()
        if ledger.live is None:
            ledger = ledger.adopting(base.existing())
        versions, there = [*ledger.labels.values()], available(replica, name)
        loaded = {label: version for label, version in ledger.labels.items() if version in there}
        return self._config(name, replace(ledger, labels=loaded), versions)

    def _config(self, name: str, ledger: Ledger, versions: Iterable[int]) -> list[ModelConfig]:
        chosen = tuple(sorted(set(versions)))
        if not chosen:
            return []
        labels = {label: version for label, version in ledger.labels.items() if version in chosen}
        return [
            ModelConfig(name=name, base_path=self._base_path(name), policy=Specific(chosen), labels=labels)
        ]

    def _base_path(self, name: str) -> str:
        return f"{(self._settings.server_base_path or self._settings.base_path).rstrip('/')}/{name}"


def available(replica: Replica, name: str) -> set[int]:
    """Versions of a model that a server has; none if it does not know the model."""
    try:
        return {one.version for one in replica.status(name) if one.state is VersionState.AVAILABLE}
    except ModelNotServedError:
        return set()


def _patiently() -> None:
    """What is taken back makes way for nobody."""


def control_of(name: str, fleet: Fleet, settings: ServingSettings) -> Control:
    """The kind of control that a profile asks for."""
    if not fleet.replicas:
        return Unconfirmed()
    if settings.control == "follow":
        return Following(name, fleet)
    return Reloading(name, fleet, settings)
