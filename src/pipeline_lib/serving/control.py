"""How the servers are brought to serve a version: told by us, followed by them, or not known to us."""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

import fsspec

from pipeline_lib.faults import reached
from pipeline_lib.serving.base_path import open_base
from pipeline_lib.serving.golden import GoldenRequest
from pipeline_lib.serving.ledger import Ledger
from pipeline_lib.serving.replicas import Fleet, Watch
from pipeline_lib.serving.versions import ModelConfig, Specific
from pipeline_lib.settings import ServingSettings

CANDIDATE = ".candidate"


class Control(Protocol):
    """The servers of one model."""

    def prepare(self, ledger: Ledger) -> None:
        """Before a new version appears on the base path: nobody may take it by themselves who need not."""

    def switch(
        self,
        before: Ledger,
        after: Ledger,
        requests: Sequence[GoldenRequest],
        watch: Watch,
        version: int | None,
    ) -> None:
        """Bring all servers from what `before` says to what `after` says, and confirm it.

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
        """After versions were withdrawn: confirm that nobody serves them."""

    def restore(self, ledger: Ledger) -> list[str]:
        """Bring the servers that answer back to what the ledger says; the names of the others."""


class Unconfirmed:
    """No server is known: whoever polls the base path takes what is there."""

    def prepare(self, ledger: Ledger) -> None:
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

    def restore(self, ledger: Ledger) -> list[str]:
        """Nothing can be told."""
        del ledger
        return []


class Following:
    """Servers that serve the newest version on the base path, and look for it themselves."""

    def __init__(self, name: str, fleet: Fleet) -> None:
        self._name, self._fleet = name, fleet

    def prepare(self, ledger: Ledger) -> None:
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

    def restore(self, ledger: Ledger) -> list[str]:
        """Nothing needs to be told: they see the base path."""
        del ledger
        return []


class Reloading:
    """Servers that are told which versions to serve.

    A version is first loaded under a name that nobody asks for, and questioned there: no request of a user
    ever reaches one that has not answered right in that very server.
    """

    def __init__(self, name: str, fleet: Fleet, settings: ServingSettings) -> None:
        self._name, self._fleet, self._settings = name, fleet, settings

    def prepare(self, ledger: Ledger) -> None:
        """Pin what is live: a server that was started to follow the base path would take the new version."""
        self._tell(ledger)

    def switch(
        self,
        before: Ledger,
        after: Ledger,
        requests: Sequence[GoldenRequest],
        watch: Watch,
        version: int | None,
    ) -> None:
        """Load beside, question, serve both, move the label, drop the old."""
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
        self._tell(after, versions=both)
        reached("push-labelled")
        self._tell(after)

    def settle(self, before: Ledger, after: Ledger, watch: Watch) -> None:
        """Wait until what was live is not served any more."""
        if before.live is not None and before.live not in after.labels.values():
            self._fleet.wait_until_gone(self._name, before.live, watch)

    def restore(self, ledger: Ledger) -> list[str]:
        """Send them the configuration that the ledger stands for."""
        return self._fleet.reload_who_answers(self._configs(ledger))

    def _tell(self, ledger: Ledger, *more: ModelConfig, versions: Iterable[int] | None = None) -> None:
        self._fleet.reload([*self._configs(ledger, versions), *more])

    def _configs(self, ledger: Ledger, versions: Iterable[int] | None = None) -> list[ModelConfig]:
        mine = self._config(self._name, ledger, ledger.labels.values() if versions is None else versions)
        others = [
            config
            for name in models_below(self._settings.base_path)
            if name != self._name
            for config in self._config_of_other(name)
        ]
        return [*mine, *others]

    def _config_of_other(self, name: str) -> list[ModelConfig]:
        base = open_base(f"{self._settings.base_path}/{name}")
        ledger = base.read_ledger()
        if ledger.live is None:
            ledger = ledger.adopting(base.existing())
        return self._config(name, ledger, ledger.labels.values())

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


def control_of(name: str, fleet: Fleet, settings: ServingSettings) -> Control:
    """The kind of control that a profile asks for."""
    if not fleet.replicas:
        return Unconfirmed()
    if settings.control == "follow":
        return Following(name, fleet)
    return Reloading(name, fleet, settings)


def models_below(root: str) -> list[str]:
    """Names of the models on a base path, local or remote, in order."""
    if "://" in root and not root.startswith("file://"):
        files, directory = fsspec.core.url_to_fs(root)
        if not files.exists(directory):
            return []
        entries = files.ls(directory, detail=True)
        found = [PurePosixPath(one["name"]).name for one in entries if one["type"] == "directory"]
    else:
        local = Path(root.removeprefix("file://"))
        found = [path.name for path in local.iterdir() if path.is_dir()] if local.is_dir() else []
    return sorted(name for name in found if not name.startswith("."))
