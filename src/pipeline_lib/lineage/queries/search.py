"""Search of artifacts, executions and runs: a query as text or as a typed value, answered page by page.

`ModelBlessing pipeline:flight-delays since:2026-11-01 blessed=true` is a query: a bare word is a type,
`name:value` a filter, `name=value` (or `>`, `>=`, `<`, `<=`) a property. Quoted are texts with blanks, and
texts that look like numbers: `pushed_version='101'`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, get_args

from pipeline_lib.errors import LineageQueryError
from pipeline_lib.lineage.queries.paging import FIRST_PAGE, Page, PageRequest, cursor_for, place_of
from pipeline_lib.lineage.queries.sources import span_number
from pipeline_lib.metadata.records import (
    ArtifactState,
    Condition,
    RecordQuery,
    Run,
    Sign,
    Slice,
    State,
    StoredArtifact,
    StoredExecution,
)
from pipeline_lib.metadata.store import Store

Kind = Literal["artifact", "execution", "run"]

# A word, in which blanks may stand between quotes.
_PART = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")
_CONDITION = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,99})(>=|<=|=|>|<)(.*)", re.DOTALL)
_FILTER = re.compile(r"(kind|type|pipeline|run|node|state|span|since|until):(.*)", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][\w.\-]{0,199}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST = 2_000
_HOW = "Model pipeline:NAME run:ID node:NAME state:live span:2013-06-14 since:DAY until:DAY name=value"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What to look for; unset fields do not restrict.

    Attributes:
        since, until: Recorded at or after, and before; with a zone.
    """

    kind: Kind = "artifact"
    records: RecordQuery = field(default_factory=RecordQuery)
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def parsed(cls, text: str) -> "SearchQuery":
        """A query from text, as described above the module.

        Raises:
            LineageQueryError: A part of it cannot be understood.
        """
        if len(text) > _LONGEST or "\0" in text:
            raise _refused(text[:50], f"a text below {_LONGEST} signs")
        if _PART.sub("", text).strip():
            raise _refused(text, "every quote closed")
        return cls.of_words(_PART.findall(text))

    @classmethod
    def of_words(cls, words: Iterable[str]) -> "SearchQuery":
        """A query from its parts, as a shell has taken it apart.

        Raises:
            LineageQueryError: One of them cannot be understood.
        """
        query = cls()
        for word in words:
            if len(word) > _LONGEST or "\0" in word:
                raise _refused(word[:50], f"a text below {_LONGEST} signs")
            query = _with_part(query, word)
        return _checked(query)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One thing found.

    Attributes:
        id: Of the artifact or execution; of a run its number in the store.
        name: What people call it: node and port, node, or run id.
        details: Properties, parameters, or the run's parameters.
        record: All of it.
    """

    kind: Kind
    id: int
    name: str
    type_name: str
    state: str
    pipeline: str
    run_id: str
    made_at: datetime | None
    details: Mapping[str, Any]
    record: StoredArtifact | StoredExecution | Run


def search(store: Store, query: SearchQuery, *, page: PageRequest = FIRST_PAGE) -> Page[Hit]:
    """Whatever matches, newest first; one store call (two where a run is named).

    Raises:
        LineageQueryError: The cursor is one of another query, or a condition cannot be asked.
    """
    query = _checked(query)
    question = ["search", _plain(query)]
    within = Slice(
        limit=page.size + 1,
        before=place_of(question, page).get("before"),
        made_since=query.since,
        made_before=query.until,
    )
    found: Sequence[Hit]
    if query.kind == "artifact":
        found = [_artifact(record) for record in store.list_artifacts(query.records, within)]
    elif query.kind == "execution":
        found = [_execution(record) for record in store.list_executions(query.records, within)]
    else:
        found = [_run(record) for record in store.list_runs(query.records, within)]
    shown = tuple(found[: page.size])
    more = len(found) > page.size
    return Page(items=shown, next_cursor=cursor_for(question, {"before": shown[-1].id}) if more else None)


def _with_part(query: SearchQuery, part: str) -> SearchQuery:
    if match := _FILTER.fullmatch(part):
        return _with_filter(query, *match.groups())
    if match := _CONDITION.fullmatch(part):
        name, sign, value = match.groups()
        condition = Condition(name=name, sign=Sign(sign), value=_value(value))
        records = replace(query.records, conditions=(*query.records.conditions, condition))
        return replace(query, records=records)
    if part.lower() in get_args(Kind) or part.lower().removesuffix("s") in get_args(Kind):
        return _with_filter(query, "kind", part)
    return _with_filter(query, "type", part)


def _with_filter(query: SearchQuery, name: str, value: str) -> SearchQuery:
    value = _unquoted(value)
    if not value:
        raise _refused(f"{name}:", "a value")
    if name == "kind":
        kind = value.lower().removesuffix("s")
        if kind not in get_args(Kind):
            raise _refused(f"kind:{value}", "artifact, execution or run")
        return replace(query, kind=kind)  # type: ignore[arg-type]  # it is one of them
    if name == "since":
        return replace(query, since=_time(value))
    if name == "until":
        return replace(query, until=_time(value))
    if name == "span":
        number = span_number(value)
        iso = value if not value.isdecimal() else str(number)
        return replace(query, records=replace(query.records, span=(number, number), run_span=iso))
    if name == "type" and _WORD.fullmatch(value) is None:
        raise _refused(value, _HOW)
    field = {"type": "type_name", "run": "run_id"}.get(name, name)
    if name == "state":
        value = value.upper()
    restricted: dict[str, Any] = {field: value}
    return replace(query, records=replace(query.records, **restricted))


def _checked(query: SearchQuery) -> SearchQuery:
    state = query.records.state
    known: Any = ArtifactState if query.kind == "artifact" else State
    if state is not None and state not in set(known):
        raise _refused(f"state:{state.lower()}", ", ".join(known).lower())
    span = query.records.span
    if span is not None and not all(-(2**63) <= number < 2**63 for number in span):
        raise _refused("span", "a 64-bit number")
    for condition in query.records.conditions:
        name, value = condition.name, condition.value
        if not name.isidentifier() or not name.isascii() or name.startswith("__"):
            raise _refused(name, "a property's name")
        if condition.sign is not Sign.EQUAL and isinstance(value, str | bool):
            raise _refused(f"{name}{condition.sign}{value}", "a number: only numbers have an order")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise _refused(f"{name}{condition.sign}{value}", "a 64-bit number")
    if query.kind == "run" and (query.records.conditions or query.records.type_name or query.records.node):
        raise _refused("run", "pipeline, run, state, span, since and until only")
    if query.kind == "execution" and query.records.span is not None:
        raise _refused("span", "artifacts or runs: an execution has none")
    return query


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _value(text: str) -> int | float | str | bool:
    if (inner := _unquoted(text)) != text:
        return inner
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _NUMBER.fullmatch(text):
        return float(text) if set(text) & set(".eE") else int(text)
    return text


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
        in_range = timedelta(0) <= time - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise _refused(text, f"a time such as {date(2026, 11, 21)} or 2026-11-21T06:40") from error
    if not in_range:
        raise _refused(text, "a time after 1970")
    return time


def _refused(what: str, needs: str) -> LineageQueryError:
    return LineageQueryError(
        f"{what!r} cannot be searched for", needs=needs, fix="see `pipeline lineage search --help`"
    )


def _plain(query: SearchQuery) -> Any:
    records = query.records
    return [
        query.kind,
        *(None if time is None else time.isoformat() for time in (query.since, query.until)),
        [records.type_name, records.pipeline, records.run_id, records.node, records.state, records.run_span],
        None if records.span is None else list(records.span),
        [[one.name, one.sign.value, one.value] for one in records.conditions],
    ]


def _artifact(record: StoredArtifact) -> Hit:
    return Hit(
        kind="artifact",
        id=record.id,
        name=f"{record.node}.{record.port}" if record.node else record.uri,
        type_name=record.type_name,
        state=record.state.value,
        pipeline=record.pipeline,
        run_id=record.run_id,
        made_at=record.created_at,
        details=record.properties,
        record=record,
    )


def _execution(record: StoredExecution) -> Hit:
    return Hit(
        kind="execution",
        id=record.id,
        name=str(record.key),
        type_name=record.type_name,
        state=record.state.value,
        pipeline=record.key.pipeline,
        run_id=record.key.run_id,
        made_at=record.started_at,
        details=record.parameters,
        record=record,
    )


def _run(record: Run) -> Hit:
    return Hit(
        kind="run",
        id=record.id,
        name=record.run_id,
        type_name="run",
        state=record.state.value,
        pipeline=record.pipeline,
        run_id=record.run_id,
        made_at=record.started_at,
        details=record.parameters,
        record=record,
    )
