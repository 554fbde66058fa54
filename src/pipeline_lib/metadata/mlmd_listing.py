"""Lists of a history that may be long, found a stretch of ids at a time from the end that they begin at.

ML Metadata asks a database for distinct ids in order. SQLite finds everything that matches, sorts it, and
only then takes the first page: the older a store, the dearer each page. Asked for a stretch of ids it finds
what matches there, by the indexes that `planner` makes. The other databases walk back from the end unasked.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from pipeline_lib.metadata.connection import Connection
from pipeline_lib.metadata.records import Slice

# A list of 20 is looked for among 1 000 ids, then among 16 000, 256 000, and all that are left.
_IDS_FOR_ONE = 50
_GROWTH = 16
_STRETCHES = 4
# Ids follow the time at which they were recorded, as far as the clocks of all machines agree.
_CLOCKS = timedelta(days=1)
_LARGEST = 2**63 - 1


class MlmdListing:
    """Calls of ML Metadata, and its lists."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._connection.call(method, *args, **kwargs)

    def _listed(
        self, method: str, conditions: Sequence[str], within: Slice, *, at_once: bool = False
    ) -> list[Any]:
        """A stretch of what fulfils all conditions, by id.

        One call; on SQLite up to five, whatever the history, and one more for each time in `within`.

        Args:
            method: `get_artifacts`, `get_executions` or `get_contexts`.
            conditions: Of the filter language.
            within: Which stretch.
            at_once: Whether one condition alone leaves but a few, or an index has them in order.
        """
        timed = [*conditions, *_time_conditions(within)]
        found: list[Any] = []
        for start, end in self._places(method, within, at_once=at_once, filtered=bool(conditions)):
            bounds = [f"id > {start}"] if start > 0 else []
            bounds += [f"id < {end}"] if end < _LARGEST else []
            options = self._list_options(
                within.limit - len(found),
                filter_query=" AND ".join([*timed, *bounds]) or None,
                newest_first=not within.oldest_first,
            )
            found += self._call(method, list_options=options)
            if len(found) >= within.limit:
                break
        return found

    def _places(
        self, method: str, within: Slice, *, at_once: bool, filtered: bool
    ) -> Iterable[tuple[int, int]]:
        """Where to look, one after the other: the ids between two, both excluded."""
        above = 0 if within.after is None else int(within.after)
        below = _LARGEST if within.before is None else int(within.before)
        if at_once:
            return [(above, below)]
        if within.made_since is not None:
            above = max(above, self._last_id(method, within.made_since - _CLOCKS))
        if within.made_before is not None:
            below = min(below, self._last_id(method, within.made_before + _CLOCKS) + 1)
        if not filtered or self._connection.database.backend != "sqlite":
            return [(above, below)]
        if below == _LARGEST:
            below = self._last_id(method, None) + 1
        return _stretches(within, above, below)

    def _last_id(self, method: str, made_before: datetime | None) -> int:
        """The id of the last one recorded before a time, or of the last of all; 0 where there is none."""
        options = self._list_options(1)
        if made_before is not None:
            options = self._list_options(1, filter_query=_made("<", made_before), by_time=True)
        found = self._call(method, list_options=options)
        return int(found[0].id) if found else 0

    def _list_options(
        self,
        limit: int | None,
        *,
        filter_query: str | None = None,
        newest_first: bool = True,
        by_time: bool = False,
    ) -> Any:
        from ml_metadata.metadata_store import metadata_store

        fields = metadata_store.OrderByField
        return metadata_store.ListOptions(
            limit=limit,
            order_by=fields.CREATE_TIME if by_time else fields.ID,
            is_asc=not newest_first,
            filter_query=filter_query,
        )


def _stretches(within: Slice, above: int, below: int) -> Iterator[tuple[int, int]]:
    """The ids between two in ever larger stretches, from the end that the list begins at."""
    size = within.limit * _IDS_FOR_ONE
    for _ in range(_STRETCHES - 1):
        if below - above - 1 <= size:
            break
        if within.oldest_first:
            yield above, above + size + 1
            above += size
        else:
            yield below - size - 1, below
            below -= size
        size *= _GROWTH
    if below - above > 1:
        yield above, below


def _time_conditions(within: Slice) -> list[str]:
    signs = (("<", within.made_before), (">=", within.made_since))
    return [_made(sign, time) for sign, time in signs if time is not None]


def _made(sign: str, time: datetime) -> str:
    return f"create_time_since_epoch {sign} {int(time.timestamp() * 1000)}"
