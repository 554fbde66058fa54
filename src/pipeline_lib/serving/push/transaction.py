"""Changes of what is live, as transactions on a base path: a push, a rollback, a promotion.

Each begins with a note in the ledger, ends with the ledger that holds its result, and is taken back by
everything in between that fails. A process that dies in between leaves the note: whoever opens the base path
next puts files and servers back to what the ledger says.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline_lib.errors import PipelineError, PushBusyError
from pipeline_lib.faults import reached
from pipeline_lib.serving.base_path.content import Content, content_of
from pipeline_lib.serving.base_path.ledger import Block, Ledger, Place, new_entry
from pipeline_lib.serving.base_path.places import open_base
from pipeline_lib.serving.fleet import golden
from pipeline_lib.serving.fleet.control import Reloading
from pipeline_lib.serving.fleet.replicas import open_fleet
from pipeline_lib.serving.push import moves
from pipeline_lib.serving.push.change import Action, Change
from pipeline_lib.serving.push.opening import Opened, opened_target
from pipeline_lib.serving.push.pruning import prune
from pipeline_lib.serving.push.recovery import known_ledger, settled, taken_back_on_failure
from pipeline_lib.serving.versions import VersionStatus
from pipeline_lib.settings import ServingSettings


class ServingTarget:
    """The versions of one model and the servers that serve them.

    Args:
        settings: Of the profile, with an absolute base path.
        name: Of the model.
        user: Who changes something.
        wait_seconds: How long to wait for another change to end.

    Attributes:
        base: Of the model.
    """

    def __init__(
        self, settings: ServingSettings, name: str, *, user: str = "", wait_seconds: float = 600.0
    ) -> None:
        self.settings, self.name, self._user = settings, name, user
        self._wait_seconds = wait_seconds
        self.base = open_base(f"{settings.base_path.rstrip('/')}/{name}")

    def ledger(self) -> Ledger:
        """What is known of the versions, read without the lock."""
        return known_ledger(self.base)

    def states(self) -> Mapping[str, list[VersionStatus] | PipelineError]:
        """What each replica of the profile says of this model."""
        with open_fleet(self.settings, only_ask=True) as fleet:
            return fleet.states(self.name)

    def push(self, source: Path, *, origin: Mapping[str, Any], reason: str = "") -> Change | Block:
        """Make a SavedModel the live version.

        Args:
            source: Its directory.
            origin: What the ledger says of where it came from.
            reason: Why, for the record.

        Returns:
            The change, or the block if this content was rolled back and is not cleared.

        Raises:
            PushBusyError: Another change did not end in time.
            PushFailedError: The base path refused a write; nothing of the new version is left.
            PushUndoneError: Its golden requests are damaged, or the servers did not confirm it: it was taken
                back.
            GoldenAnswersError: A server answers otherwise than the evaluated model; it was taken back.
            PushPreemptedError: It made way for a rollback; it was taken back.
            DeploymentBrokenError: It failed and could not be taken back.
        """
        content, requests = content_of(source), golden.requests_of(source)
        with self._opened(urgent=False) as opened:
            reached("push-locked")
            ledger, healed = settled(opened)
            if (block := ledger.blocked.get(content.digest)) is not None:
                return block
            live = ledger.live
            if live is not None and self._holds(ledger, live, content):
                opened.control.restore(ledger)
                opened.fleet.wait_until_available(self.name, live, opened.watch)
                prune(opened, ledger, keep=self.settings.keep_versions)  # of a push that died before it could
                return self._change(opened, "push", ledger, reason, healed, changed=False)
            existing = [*opened.base.existing(), *opened.base.withdrawn()]
            version = ledger.next_version(existing)
            known = ledger.having(version, new_entry(content, origin))
            opened.base.write_ledger(known.begun("push", version, self._user))
            reached("push-begun")
            with taken_back_on_failure(opened, known, version):
                opened.control.prepare(ledger, opened.watch)
                opened.base.write_version(version, source, content)
                reached("push-renamed")
                after = known.living(version)
                opened.control.switch(ledger, after, requests, opened.watch, version)
                opened.base.write_ledger(after)
            reached("push-committed")
            opened.control.restore(after)  # without what was live: it stayed loaded for a way back
            prune(opened, after, keep=self.settings.keep_versions)
            reached("push-pruned")
            return self._change(opened, "push", after, reason, healed, requests=requests)

    def move(self, action: moves.Move, version: int | None, *, reason: str) -> Change:
        """Make another of the versions that are there live again.

        A rollback blocks the content that it takes out of service from being pushed again; a promotion clears
        the block of what it puts into service. Versions above the new live one are kept out of the servers'
        sight, so that a server that starts anew and takes the newest takes the right one.

        Args:
            action: Which of the two.
            version: By default what was live before.
            reason: Why, for the record.

        Raises:
            NoSuchVersionError: There is no such version, or none was live before.
            PushBusyError: Another change did not end in time.
            PushUndoneError: The servers did not confirm it; what was live still is.
            DeploymentBrokenError: It failed and could not be taken back.
        """
        with self._opened(urgent=True) as opened:
            ledger, healed = settled(opened)
            target = moves.destination(ledger, version, name=self.name, at=self.base.uri)
            after = moves.moved(ledger, target, action, reason=reason, user=self._user)
            requests = golden.requests_in(opened.base.read(target, golden.FILE) or b"")
            opened.base.write_ledger(ledger.begun(action, target, self._user))
            reached("move-begun")
            with taken_back_on_failure(opened, ledger, target):
                if target in opened.base.withdrawn():
                    opened.base.restore(target)
                    reached("move-restored")
                above = sorted({*after.at(Place.WITHDRAWN)} & {*ledger.at(Place.PRESENT)})
                if isinstance(opened.control, Reloading):
                    opened.control.switch(ledger, after, requests, opened.watch, target)
                    opened.control.settle(ledger, after, opened.watch)
                    self._withdraw(opened, above)
                else:
                    self._withdraw(opened, above)
                    opened.control.switch(ledger, after, requests, opened.watch, target)
                    opened.control.settle(ledger, after, opened.watch)
                reached("move-confirmed")
                change = self._change(opened, action, after, reason, healed, requests=requests)
                note = {"action": action, **change.facts()}
                opened.base.write_ledger(replace(after, unrecorded=(*after.unrecorded, note)))
            reached("move-committed")
            return change

    def unblock(self, version: int | None) -> list[int]:
        """Allow what was rolled back to be pushed again.

        Args:
            version: What it was rolled back as; by default all.

        Returns:
            The versions that were blocked.

        Raises:
            NoSuchVersionError: That version is not blocked.
        """
        with self._opened(urgent=True) as opened:
            ledger, _ = settled(opened)
            after, cleared = moves.unblocked(ledger, version, name=self.name, at=self.base.uri)
            opened.base.write_ledger(after)
            return cleared

    def set_label(self, label: str, version: int | None) -> None:
        """Give a version a label beside `stable`, and have the servers serve it under that, or take it away.

        Args:
            label: Its name.
            version: One that is present; None takes the label away.

        Raises:
            NoSuchVersionError: There is no such version.
            PushUndoneError: The servers did not confirm it; the labels are as before.
            GoldenAnswersError: A server answers otherwise than the evaluated model; the labels are as before.
        """
        with self._opened(urgent=True) as opened:
            ledger, _ = settled(opened)
            after = moves.labelled(ledger, label, version, name=self.name, at=self.base.uri)
            requests = golden.requests_in(
                (opened.base.read(version, golden.FILE) if version else None) or b""
            )
            opened.base.write_ledger(ledger.begun("label", version or ledger.live or 0, self._user))
            with taken_back_on_failure(opened, ledger, version or 0):
                if version in opened.base.withdrawn():
                    opened.base.restore(version)
                opened.control.switch(ledger, after, requests, opened.watch, version)
                opened.base.write_ledger(after)
            opened.control.restore(after)  # without the version that had the label

    def recorded(self, notes: Sequence[Mapping[str, Any]]) -> None:
        """Forget changes that the metadata store knows by now."""
        with self._opened(urgent=True) as opened:
            ledger = opened.base.read_ledger()
            left = tuple(note for note in ledger.unrecorded if note not in notes)
            opened.base.write_ledger(replace(ledger, unrecorded=left))

    def is_interrupted(self) -> bool:
        """Whether a change has begun and nobody is at work on it."""
        if self.base.read_ledger().pending is None:
            return False
        try:
            with self.base.locked(0):
                return self.base.read_ledger().pending is not None
        except PushBusyError:
            return False

    def heal(self) -> str:
        """Put right what a change that died has left, and tell servers that started anew what to serve.

        Returns:
            What was put right, or "".

        Raises:
            DeploymentBrokenError: The servers or the base path do not answer.
            PushBusyError: Another change is going on.
        """
        with self._opened(urgent=False) as opened:
            ledger, healed = settled(opened)
            if not healed and (missed := opened.control.restore(ledger)):
                return f"no answer from {', '.join(missed)}"
            return healed

    def _opened(self, *, urgent: bool) -> AbstractContextManager[Opened]:
        return opened_target(
            self.base, self.name, self.settings, wait_seconds=self._wait_seconds, urgent=urgent
        )

    def _withdraw(self, opened: Opened, versions: Sequence[int]) -> None:
        for version in sorted(versions):  # upwards: no server takes one in between for the newest
            opened.base.withdraw(version)
            reached("move-withdrawn")

    def _holds(self, ledger: Ledger, version: int, content: Content) -> bool:
        return ledger.entries[version].digest == content.digest and self.base.matches(version, content)

    def _change(
        self,
        opened: Opened,
        action: Action,
        ledger: Ledger,
        reason: str,
        healed: str,
        *,
        changed: bool = True,
        requests: Sequence[object] = (),
    ) -> Change:
        assert ledger.live is not None  # noqa: S101  the callers have just made or found one live
        before = [one for one in ledger.lived if one != ledger.live]
        return Change(
            action=action,
            serving_target=self.base.uri,
            model_name=self.name,
            version=ledger.live,
            previous_version=before[-1] if before else None,
            live_at=ledger.entries[ledger.live].live_at,
            reason=reason,
            user=self._user,
            changed=changed,
            golden_requests=len(requests),
            healed=healed,
            silent=opened.silent,
        )
