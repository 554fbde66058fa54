"""Listings in stretches, and look-ups by mark: what lineage asks of ML Metadata."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline_lib.metadata.marks import Mark, MarkKind
from pipeline_lib.metadata.mlmd_reader import SUCCEEDED, MlmdReader, within_context
from pipeline_lib.metadata.mlmd_records import stored_execution, stored_run
from pipeline_lib.metadata.mlmd_text import given_text, is_plain, quoted, stored_text, text_digest
from pipeline_lib.metadata.mlmd_types import INTERNAL, KEPT_TEXT, PIPELINE_RUN
from pipeline_lib.metadata.mlmd_values import between, compares, equals, get_value, put_value
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

_MARK_TEXT = f"{INTERNAL}mark"
_HEX = re.compile(r"[0-9a-f]{1,64}")


def mark_name(mark: Mark) -> str:
    """The name of a mark's context: its text, or a digest where that could not be a name or a filter."""
    return mark.text if is_plain(mark.text) else text_digest(mark.text)


def mark_context(mark: Mark, *, type_id: int) -> Any:
    """A context for a mark; a mark that is there already is used again."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    message = pb.Context(type_id=type_id, name=mark_name(mark))
    put_value(message.custom_properties, _MARK_TEXT, stored_text(mark.text))
    return message


class MlmdQueries(MlmdReader):
    """See the methods of the same names of `Store`."""

    def marked(self, mark: Mark, within: Slice) -> Sequence[StoredExecution]:
        """See `Store.marked`."""
        context = self._context(mark.kind.value, mark_name(mark))
        if context is None:
            return []
        found = self._listed("get_executions", [within_context(context.id), SUCCEEDED], within)
        return self._with_ports(found)

    def marks(self, kind: MarkKind, within: Slice, *, prefix: str = "") -> Sequence[Mark]:
        """See `Store.marks`."""
        conditions = [self._of_type(kind.value)]
        if prefix:
            if _HEX.fullmatch(prefix) is None:
                return []
            # A range, not LIKE: it uses the index on names. No hex digit sorts after "g" anywhere.
            conditions += [f"name >= {quoted(prefix)}", f"name < {quoted(f'{prefix}g')}"]
        found = self._listed("get_contexts", conditions, within, at_once=True)
        return [
            Mark(kind=kind, text=given_text(get_value(message.custom_properties[_MARK_TEXT])))
            for message in found
        ]

    def kept_texts(self, digests: Sequence[str]) -> Mapping[str, str]:
        """See `Store.kept_texts`."""
        wanted = sorted({digest for digest in digests if _HEX.fullmatch(digest)})
        if not wanted:
            return {}
        names = ", ".join(quoted(digest) for digest in wanted)
        options = self._list_options(
            len(wanted), filter_query=f"{self._of_type(KEPT_TEXT)} AND name IN ({names})"
        )
        found = self._call("get_contexts", list_options=options)
        return {message.name: get_value(message.custom_properties[KEPT_TEXT]) for message in found}

    def list_artifacts(self, query: RecordQuery, within: Slice) -> Sequence[StoredArtifact]:
        """See `Store.list_artifacts`."""
        conditions = self._common(query)
        if query.run_id is not None:
            conditions.append(equals(f"{INTERNAL}run_id", query.run_id))
        if query.state is not None:
            conditions += _state_conditions(ArtifactState(query.state))
        if query.span is not None:
            conditions += between("span", *query.span)
        found = self._listed("get_artifacts", conditions, within, at_once=query.run_id is not None)
        return self._artifacts(found)

    def list_executions(self, query: RecordQuery, within: Slice) -> Sequence[StoredExecution]:
        """See `Store.list_executions`."""
        conditions = self._common(query)
        if query.state is not None:
            conditions.append(f"last_known_state = {State(query.state).value}")
        if query.run_id is not None:
            context = self._context(PIPELINE_RUN, query.run_id)
            if context is None:
                return []
            conditions.append(within_context(context.id))
        found = self._listed("get_executions", conditions, within, at_once=query.run_id is not None)
        return [stored_execution(message) for message in found]

    def list_runs(self, query: RecordQuery, within: Slice) -> Sequence[Run]:
        """See `Store.list_runs`."""
        conditions = [self._of_type(PIPELINE_RUN)]
        for name, value in (("pipeline", query.pipeline), ("state", query.state), ("span", query.run_span)):
            if value is not None:
                conditions.append(equals(f"{INTERNAL}{name}", value))
        if query.run_id is not None:
            context = self._context(PIPELINE_RUN, query.run_id)
            if context is None:
                return []
            conditions.append(f"id = {int(context.id)}")
        at_once = query.run_id is not None or len(conditions) == 1
        found = self._listed("get_contexts", conditions, within, at_once=at_once)
        return [stored_run(message) for message in found]

    def _common(self, query: RecordQuery) -> list[str]:
        conditions = []
        if query.type_name is not None:
            if not is_plain(query.type_name):
                return ["id < 0"]  # no type has such a name
            conditions.append(f"type = {quoted(query.type_name)}")
        for name, value in (("pipeline", query.pipeline), ("node", query.node)):
            if value is not None:
                conditions.append(equals(f"{INTERNAL}{name}", value))
        kinds = self._types.kinds(query.type_name or "")
        return [*conditions, *(_condition(one, kinds.get(one.name)) for one in query.conditions)]


def _condition(one: Condition, kind: str | None) -> str:
    if one.sign is Sign.EQUAL:
        return equals(one.name, one.value, kind=kind)
    if isinstance(one.value, bool | str):
        raise TypeError(f"{one.name}: only numbers have an order")
    return compares(one.name, one.sign.value, float(one.value) if kind == "float" else one.value)


def _state_conditions(state: ArtifactState) -> list[str]:
    """The filter language does not know the newest states: these are what is none of the others."""
    if state is not ArtifactState.ABANDONED:
        return [f"state = {state.value}"]
    others = ("PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED")
    return [f"state != {other}" for other in others]
