"""Changes of what is live, as transactions on a base path: a push, a rollback, a promotion.

Each begins with a note in the ledger, ends with the ledger that holds its result, and is taken back by
everything in between that fails. A process that dies in between leaves the note: whoever opens the base path
next puts files and servers back to what the ledger says.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pipeline_lib.errors import (
    DeploymentBrokenError,
    NoSuchVersionError,
    PipelineError,
    PushBusyError,
)
from pipeline_lib.faults import reached
from pipeline_lib.serving import golden
from pipeline_lib.serving.base_path import open_base
from pipeline_lib.serving.change import Action, Change
from pipeline_lib.serving.content import SAVED_MODEL, Content, content_of
from pipeline_lib.serving.control import Reloading
from pipeline_lib.serving.ledger import STABLE, Block, Ledger, Place, new_entry
from pipeline_lib.serving.opening import Opened, opened_target
from pipeline_lib.serving.replicas import open_fleet
from pipeline_lib.serving.versions import VersionState, VersionStatus
from pipeline_lib.settings import ServingSettings


class ServingTarget:
    """The versions of one model and the servers that serve them.

    Args:
        settings: Of the profile, with an absolute base path.
        name: Of the model.
        user: Who changes something.
        wait_seconds: How long to wait for another change to end.
    """

    def __init__(
        self, settings: ServingSettings, name: str, *, user: str = "", wait_seconds: float = 600.0
    ) -> None:
        self._settings, self.name, self._user = settings, name, user
        self._wait_seconds = wait_seconds
        self.base = open_base(f"{settings.base_path.rstrip('/')}/{name}")

    def ledger(self) -> Ledger:
        """What is known of the versions, read without the lock."""
        ledger = self.base.read_ledger()
        if ledger.live is not None:
            return ledger
        whole = [one for one in self.base.existing() if self.base.read(one, SAVED_MODEL) is not None]
        return ledger.adopting(whole)

    def states(self) -> Mapping[str, list[VersionStatus] | PipelineError]:
        """What each replica of the profile says of this model."""
        with open_fleet(self._settings) as fleet:
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
            PushUndoneError: The servers did not confirm it; it was taken back.
            GoldenAnswersError: A server answers otherwise than the evaluated model; it was taken back.
            PushPreemptedError: It made way for a rollback; it was taken back.
            DeploymentBrokenError: It failed and could not be taken back.
        """
        content = content_of(source)
        with self._opened(urgent=False) as opened:
            reached("push-locked")
            ledger, healed = self._settled(opened)
            if (block := ledger.blocked.get(content.digest)) is not None:
                return block
            live = ledger.live
            if live is not None and self._holds(ledger, live, content):
                opened.control.restore(ledger)
                opened.fleet.wait_until_available(self.name, live, opened.watch)
                self._prune(opened, ledger)  # of a push that died before it could
                return self._change(opened, "push", ledger, reason, healed, changed=False)
            existing = [*opened.base.existing(), *opened.base.withdrawn()]
            version = ledger.next_version(existing)
            known = ledger.having(version, new_entry(content, origin))
            opened.base.write_ledger(known.begun("push", version, self._user))
            reached("push-begun")
            requests = golden.requests_in(
                (source / golden.FILE).read_bytes() if (source / golden.FILE).exists() else b""
            )
            with self._taken_back_on_failure(opened, known, version):
                opened.control.prepare(ledger)
                opened.base.write_version(version, source, content)
                reached("push-renamed")
                after = known.living(version)
                opened.control.switch(ledger, after, requests, opened.watch, version)
                opened.base.write_ledger(after)
            reached("push-committed")
            self._prune(opened, after)
            reached("push-pruned")
            return self._change(opened, "push", after, reason, healed, requests=requests)

    def move(self, action: Literal["rollback", "promote"], version: int | None, *, reason: str) -> Change:
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
            ledger, healed = self._settled(opened)
            target = self._target(ledger, version)
            after = self._after(ledger, target, action, reason)
            opened.base.write_ledger(ledger.begun(action, target, self._user))
            reached("move-begun")
            requests = golden.requests_in(opened.base.read(target, golden.FILE) or b"")
            with self._taken_back_on_failure(opened, ledger, target):
                if target in opened.base.withdrawn():
                    opened.base.restore(target)
                    reached("move-restored")
                above = sorted({*after.at(Place.WITHDRAWN)} & {*ledger.at(Place.PRESENT)})
                if isinstance(opened.control, Reloading):
                    opened.control.switch(ledger, after, requests, opened.watch, target)
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
            ledger, _ = self._settled(opened)
            cleared = {
                digest: block for digest, block in ledger.blocked.items() if version in {None, block.version}
            }
            if version is not None and not cleared:
                raise NoSuchVersionError(
                    f"version {version} of {self.name} is not blocked",
                    at=self.base.uri,
                    blocked=", ".join(str(block.version) for block in ledger.blocked.values()) or "none",
                    fix="`pipeline serving status` lists what is",
                )
            kept = {digest: block for digest, block in ledger.blocked.items() if digest not in cleared}
            opened.base.write_ledger(replace(ledger, blocked=kept))
            return sorted(block.version for block in cleared.values())

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
            ledger, _ = self._settled(opened)
            if version is not None and not ledger.is_kept(version):
                raise NoSuchVersionError(
                    f"version {version} of {self.name} is not there",
                    at=self.base.uri,
                    fix="`pipeline serving status` lists those that are",
                )
            labels = {name: one for name, one in ledger.labels.items() if name != label}
            after = replace(ledger, labels={**labels, **({} if version is None else {label: version})})
            if version is not None:
                after = after.placing([version], Place.PRESENT)
            opened.base.write_ledger(ledger.begun("label", version or ledger.live or 0, self._user))
            requests = golden.requests_in(
                (opened.base.read(version, golden.FILE) if version else None) or b""
            )
            with self._taken_back_on_failure(opened, ledger, version or 0):
                if version in opened.base.withdrawn():
                    opened.base.restore(version)
                opened.control.switch(ledger, after, requests, opened.watch, version)
                opened.base.write_ledger(after)

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
        """Put right what a change that died has left; what was done, or "".

        Raises:
            DeploymentBrokenError: The servers or the base path do not answer.
            PushBusyError: Another change is going on.
        """
        with self._opened(urgent=False) as opened:
            return self._settled(opened)[1]

    def _opened(self, *, urgent: bool) -> AbstractContextManager[Opened]:
        return opened_target(
            self.base, self.name, self._settings, wait_seconds=self._wait_seconds, urgent=urgent
        )

    def _settled(self, opened: Opened) -> tuple[Ledger, str]:
        """The ledger, after what a dead change has left was put right; and what that was."""
        opened.base.clear_leftovers()
        ledger = self.ledger()
        there = {*opened.base.existing(), *opened.base.withdrawn()}
        gone = {*ledger.at(Place.REMOVED), *ledger.at(Place.STAGED)}
        if ledger.pending is None and not there & gone:
            return ledger, ""
        told = ledger.pending or {"action": "removal", "version": min(there & gone)}
        settled = self._aligned(opened, ledger, told)
        text = f"a {told['action']} of version {told['version']} that did not end was taken back"
        return settled, text + (f"; no answer from {', '.join(_missed(settled))}" if _missed(settled) else "")

    def _aligned(self, opened: Opened, ledger: Ledger, pending: Mapping[str, Any]) -> Ledger:
        """Put files and servers to what a ledger says; while a server does not answer, that stays to do."""
        base = opened.base
        after = replace(ledger.placing(ledger.at(Place.STAGED), Place.REMOVED), pending=None)
        try:
            for version in sorted({*after.at(Place.PRESENT)} & {*base.withdrawn()}):
                base.restore(version)
            missed = opened.control.restore(after)
            for version in sorted({*after.at(Place.WITHDRAWN)} & {*base.existing()}):
                base.withdraw(version)
            for version in sorted({*after.at(Place.REMOVED)} & {*base.existing(), *base.withdrawn()}):
                base.remove(version)
            if missed:
                after = replace(after, pending={**pending, "missed": missed})
            base.write_ledger(after)
        except PipelineError as error:
            raise DeploymentBrokenError(
                f"a change of {self.name} could not be taken back: {error.summary}",
                at=error.at or base.uri,
                live=after.live,
                fix="mend that, then run `pipeline serving heal`; the next push does it too",
            ) from error
        return after

    @contextmanager
    def _taken_back_on_failure(self, opened: Opened, known: Ledger, version: int) -> Iterator[None]:
        try:
            yield
        except PushBusyError:
            raise  # the lock was taken from us: its holder puts everything right
        except BaseException as error:
            written = opened.base.read_ledger()
            if written.pending is None and written.live == version:
                raise  # it had ended: only the answer was lost
            after = self._aligned(opened, known, written.pending or {})
            if isinstance(error, PipelineError):
                error.facts["undone"] = f"version {version} was taken back, {_live_text(known)}"
                if after.pending is not None:
                    error.facts["not told"] = ", ".join(after.pending["missed"])
            raise

    def _withdraw(self, opened: Opened, versions: Sequence[int]) -> None:
        for version in sorted(versions):  # upwards: no server takes one in between for the newest
            opened.base.withdraw(version)
            reached("move-withdrawn")

    def _holds(self, ledger: Ledger, version: int, content: Content) -> bool:
        return ledger.entries[version].digest == content.digest and self.base.matches(version, content)

    def _target(self, ledger: Ledger, version: int | None) -> int:
        target = ledger.previous if version is None else version
        able = ", ".join(str(one) for one in ledger.lived if ledger.is_kept(one) and one != ledger.live)
        if target is None:
            raise NoSuchVersionError(
                f"there is no version of {self.name} to go back to",
                at=self.base.uri,
                live=ledger.live,
                fix="push another model",
            )
        if not ledger.is_kept(target) or target == ledger.live:
            raise NoSuchVersionError(
                f"version {target} of {self.name} is "
                + ("live already" if target == ledger.live else "not there"),
                at=self.base.uri,
                able=able or "none",
                fix="name one of these",
            )
        return target

    def _after(self, ledger: Ledger, target: int, action: str, reason: str) -> Ledger:
        others = {version for label, version in ledger.labels.items() if label != STABLE}
        above = [one for one in ledger.at(Place.PRESENT) if one > target and one not in others]
        after = ledger.placing(above, Place.WITHDRAWN).living(target)
        blocked = dict(ledger.blocked)
        if action == "rollback" and ledger.live is not None and ledger.entries[ledger.live].digest:
            block = Block(version=ledger.live, reason=reason, user=self._user, at=after.now())
            blocked[ledger.entries[ledger.live].digest] = block
        if action == "promote":
            blocked.pop(ledger.entries[target].digest, None)
        return replace(after, blocked=blocked)

    def _prune(self, opened: Opened, ledger: Ledger) -> None:
        """Delete versions beyond those to keep, unless a server has one or cannot be asked."""
        kept = {*[one for one in ledger.lived if ledger.is_kept(one)][-self._settings.keep_versions :]}
        kept |= {*ledger.labels.values()}
        ours = [one for one, entry in ledger.entries.items() if entry.digest and ledger.is_kept(one)]
        old = {*ours} - kept
        if not old:
            return
        for told in opened.fleet.states(self.name).values():
            if isinstance(told, PipelineError):
                return
            old -= {one.version for one in told if one.state is not VersionState.END}
        opened.base.write_ledger(ledger.placing(old, Place.REMOVED))
        for version in sorted(old):
            opened.base.remove(version)

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


def _missed(ledger: Ledger) -> list[str]:
    return list((ledger.pending or {}).get("missed", ()))


def _live_text(ledger: Ledger) -> str:
    return f"version {ledger.live} is live" if ledger.live is not None else "none is live"
