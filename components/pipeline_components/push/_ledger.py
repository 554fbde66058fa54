"""The ledger of one served model: every version ever given out, and what it held."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from pipeline_components.push._servable import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version.

    Attributes:
        digest: Of the content.
        pushed_at: UTC, ISO 8601.
        origin: Uri and id of the model.
    """

    digest: str
    pushed_at: str
    origin: Mapping[str, Any]

    @classmethod
    def now(cls, content: Content, origin: Mapping[str, Any]) -> Self:
        """An entry for a push that happens now."""
        return cls(
            digest=content.digest,
            pushed_at=datetime.now(UTC).isoformat(timespec="seconds"),
            origin=dict(origin),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Versions by number; it only grows."""

    entries: Mapping[int, Entry] = field(default_factory=dict)

    def holds(self, version: int, content: Content) -> bool:
        """Whether a version was pushed with this content."""
        entry = self.entries.get(version)
        return entry is not None and entry.digest == content.digest

    def next_version(self, existing: Iterable[int]) -> int:
        """Unix seconds, or one above the highest version that is or ever was there."""
        return max(int(time.time()), max([*self.entries, *existing], default=0) + 1)

    def having(self, version: int, entry: Entry) -> Self:
        """The ledger with one more version."""
        return replace(self, entries={**self.entries, version: entry})

    def to_text(self) -> str:
        """As it is stored."""
        versions = {str(version): asdict(entry) for version, entry in sorted(self.entries.items())}
        return json.dumps({"format": 1, "versions": versions}, indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` wrote."""
        versions = json.loads(text)["versions"]
        return cls(entries={int(version): Entry(**entry) for version, entry in versions.items()})
