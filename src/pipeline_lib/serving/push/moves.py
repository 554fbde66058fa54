"""What a rollback, a promotion, a label and an end of a block make of the ledger, and whether they may."""

from dataclasses import replace
from typing import Literal

from pipeline_lib.errors import NoSuchVersionError
from pipeline_lib.serving.base_path.ledger import STABLE, Block, Ledger, Place

Move = Literal["rollback", "promote"]


def destination(ledger: Ledger, version: int | None, *, name: str, at: str) -> int:
    """The version to make live.

    Args:
        ledger: What is known.
        version: As asked for; None for what was live before.
        name: Of the model.
        at: Its base path.

    Raises:
        NoSuchVersionError: It is not there, it is live, or none was live before.
    """
    chosen = ledger.previous if version is None else version
    if chosen is None:
        raise NoSuchVersionError(
            f"there is no version of {name} to go back to", at=at, live=ledger.live, fix="push another model"
        )
    if not ledger.is_kept(chosen) or chosen == ledger.live:
        able = ", ".join(str(one) for one in ledger.lived if ledger.is_kept(one) and one != ledger.live)
        raise NoSuchVersionError(
            f"version {chosen} of {name} is " + ("live already" if chosen == ledger.live else "not there"),
            at=at,
            able=able or "none",
            fix="name one of these",
        )
    return chosen


def moved(ledger: Ledger, version: int, action: Move, *, reason: str, user: str) -> Ledger:
    """The ledger with another version live, and with newer ones out of the servers' sight.

    A rollback blocks the content that was live; a promotion clears the block of what it makes live.
    """
    others = {one for label, one in ledger.labels.items() if label != STABLE}
    above = [one for one in ledger.at(Place.PRESENT) if one > version and one not in others]
    after = ledger.placing(above, Place.WITHDRAWN).living(version)
    blocked = dict(ledger.blocked)
    if action == "rollback" and ledger.live is not None and ledger.entries[ledger.live].digest:
        block = Block(version=ledger.live, reason=reason, user=user, at=after.now())
        blocked[ledger.entries[ledger.live].digest] = block
    if action == "promote":
        blocked.pop(ledger.entries[version].digest, None)
    return replace(after, blocked=blocked)


def labelled(ledger: Ledger, label: str, version: int | None, *, name: str, at: str) -> Ledger:
    """The ledger with a label on a version; None takes the label away.

    Raises:
        NoSuchVersionError: There is no such version.
    """
    labels = {other: one for other, one in ledger.labels.items() if other != label}
    if version is None:
        return replace(ledger, labels=labels)
    if not ledger.is_kept(version):
        raise NoSuchVersionError(
            f"version {version} of {name} is not there",
            at=at,
            fix="`pipeline serving status` lists those that are",
        )
    return replace(ledger, labels={**labels, label: version}).placing([version], Place.PRESENT)


def unblocked(ledger: Ledger, version: int | None, *, name: str, at: str) -> tuple[Ledger, list[int]]:
    """The ledger without the block of a version, or without any; and the versions that were blocked.

    Raises:
        NoSuchVersionError: That version is not blocked.
    """
    cleared = [one for one, block in ledger.blocked.items() if version in {None, block.version}]
    if version is not None and not cleared:
        raise NoSuchVersionError(
            f"version {version} of {name} is not blocked",
            at=at,
            blocked=", ".join(str(block.version) for block in ledger.blocked.values()) or "none",
            fix="`pipeline serving status` lists what is",
        )
    kept = {one: block for one, block in ledger.blocked.items() if one not in cleared}
    return replace(ledger, blocked=kept), sorted(ledger.blocked[one].version for one in cleared)
