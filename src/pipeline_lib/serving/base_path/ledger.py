"""The ledger of one served model: every version ever given out, which is live, which may not come back.

It is the one truth about a base path: what is on disk or in a server and not in the ledger did not happen.
`Ledger.pending` is the journal of a change that has begun; who finds it takes the change back.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pipeline_lib.serving.base_path.content import Content

STABLE = "stable"


class Place(StrEnum):
    """Where a version's files are."""

    STAGED = "staged"  # being pushed
    PRESENT = "present"  # under its number, where servers look
    WITHDRAWN = "withdrawn"  # kept out of the servers' sight
    REMOVED = "removed"  # deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version.

    Attributes:
        digest: Of the content.
        pushed_at: UTC, ISO 8601.
        origin: Uri and id of the model.
        live_at: When it last went live, UTC with milliseconds; "" if never.
    """

    digest: str
    pushed_at: str
    origin: Mapping[str, Any] = field(default_factory=dict)
    place: Place = Place.PRESENT
    live_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Why a content may not be pushed again.

    Attributes:
        version: It was this one when it was rolled back.
    """

    version: int
    reason: str
    user: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Versions by number, which only grow; labels; blocked contents by digest.

    Attributes:
        labels: Version by label; that of `stable` is live.
        lived: Versions in the order in which they went live, each at its last time.
        pending: The change that has begun: `action`, `version`, `at`, `user`.
        unrecorded: Rollbacks and promotions that the metadata store does not know yet.
    """

    entries: Mapping[int, Entry] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    lived: tuple[int, ...] = ()
    blocked: Mapping[str, Block] = field(default_factory=dict)
    pending: Mapping[str, Any] | None = None
    unrecorded: tuple[Mapping[str, Any], ...] = ()

    @property
    def live(self) -> int | None:
        """The version that is live."""
        return self.labels.get(STABLE)

    @property
    def previous(self) -> int | None:
        """What was live before, and can be again."""
        able = [version for version in self.lived if version != self.live and self.is_kept(version)]
        good = [version for version in able if self.entries[version].digest not in self.blocked]
        return good[-1] if good else None

    def is_kept(self, version: int) -> bool:
        """Whether the version's files exist, in sight or not."""
        entry = self.entries.get(version)
        return entry is not None and entry.place in {Place.PRESENT, Place.WITHDRAWN}

    def at(self, place: Place) -> list[int]:
        """Versions of that place, ascending."""
        return sorted(version for version, entry in self.entries.items() if entry.place is place)

    def next_version(self, existing: Iterable[int]) -> int:
        """Unix seconds, or one above the highest version that is or ever was there."""
        return max(int(time.time()), max([*self.entries, *existing], default=0) + 1)

    def now(self) -> str:
        """UTC with milliseconds, and never before what is written here: clocks go backwards."""
        told = max((entry.live_at for entry in self.entries.values()), default="")
        now = datetime.now(UTC)
        if told:
            now = max(now, datetime.fromisoformat(told) + timedelta(milliseconds=1))
        return now.isoformat(timespec="milliseconds")

    def having(self, version: int, entry: Entry) -> Self:
        """The ledger with one more version, or another entry of one."""
        return replace(self, entries={**self.entries, version: entry})

    def placing(self, versions: Iterable[int], place: Place) -> Self:
        """The ledger with these versions somewhere else."""
        moved = {version: replace(self.entries[version], place=place) for version in versions}
        return replace(self, entries={**self.entries, **moved})

    def begun(self, action: str, version: int, user: str) -> Self:
        """The ledger with a change that has begun."""
        return replace(self, pending={"action": action, "version": version, "user": user, "at": self.now()})

    def living(self, version: int) -> Self:
        """The ledger with that version live, in place of the one that was; nothing is pending."""
        entry = replace(self.entries[version], place=Place.PRESENT, live_at=self.now())
        lived = (*(one for one in self.lived if one != version), version)
        labels = {**{name: one for name, one in self.labels.items() if one != version}, STABLE: version}
        return replace(self.having(version, entry), labels=labels, lived=lived, pending=None)

    def adopting(self, existing: Iterable[int]) -> Self:
        """The ledger where it knows no live version: a server without us serves the newest there is."""
        if self.live is not None:
            return self
        newest = max((one for one in existing if self._may_live(one)), default=None)
        if newest is None:
            return self
        known = self.entries.get(newest) or Entry(digest="", pushed_at="")
        return replace(self.having(newest, known), labels={**self.labels, STABLE: newest}, lived=(newest,))

    def _may_live(self, version: int) -> bool:
        return version not in self.entries or self.entries[version].place is Place.PRESENT

    def to_text(self) -> str:
        """As it is stored."""
        return json.dumps({"format": 2, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` wrote.

        Raises:
            ValueError: It is not that.
        """
        try:
            given = json.loads(text)
            return cls(
                entries={
                    int(version): Entry(**{**entry, "place": Place(entry["place"])})
                    for version, entry in given["entries"].items()
                },
                labels={name: int(version) for name, version in given["labels"].items()},
                lived=tuple(given["lived"]),
                blocked={digest: Block(**block) for digest, block in given["blocked"].items()},
                pending=given["pending"],
                unrecorded=tuple(given["unrecorded"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error


def new_entry(content: Content, origin: Mapping[str, Any]) -> Entry:
    """An entry for a push that begins now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Entry(digest=content.digest, pushed_at=now, origin=dict(origin), place=Place.STAGED)
