"""Runs in ML Metadata: a context of TFX's type `pipeline_run`, child of its pipeline's."""

from contextlib import suppress
from typing import Any

from pipeline_lib.errors import RunConflictError
from pipeline_lib.metadata.connection import ConflictError, Connection
from pipeline_lib.metadata.mlmd_queries import MlmdQueries
from pipeline_lib.metadata.mlmd_records import run_message, stored_run
from pipeline_lib.metadata.mlmd_text import stored_text
from pipeline_lib.metadata.mlmd_types import INTERNAL, PIPELINE, PIPELINE_RUN
from pipeline_lib.metadata.records import Run


class MlmdRuns(MlmdQueries):
    """The part of the store that writes runs."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._run_spans: dict[str, str] = {}

    def open_run(self, run: Run) -> None:
        """See `Store.open_run`."""
        self._put_run(run)

    def close_run(self, run: Run) -> None:
        """See `Store.close_run`."""
        self._put_run(run)

    def _put_run(self, run: Run) -> None:
        there = self._context(PIPELINE_RUN, run.run_id)
        if there is None:
            there = self._new_run(run)
        found = stored_run(there)
        if found.pipeline != run.pipeline:
            raise RunConflictError(
                f"run {run.run_id} is one of pipeline {found.pipeline}",
                got=run.pipeline,
                fix="give the run an id of its own",
            )
        type_id = self._types.context_type_id(PIPELINE_RUN)
        message, names = run_message(run, type_id=type_id, run_context_id=there.id)
        if found.started_at is not None and f"{INTERNAL}started_at" in there.custom_properties:
            names = [name for name in names if name != f"{INTERNAL}started_at"]  # the first start counts
        self._call("put_contexts", [message], [f"custom_properties.{name}" for name in names])
        self._run_spans[run.run_id] = run.span or found.span

    def _new_run(self, run: Run) -> Any:
        """Both contexts at once, then the edge between them; what another process made is used."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        pipeline = pb.Context(type_id=self._types.context_type_id(PIPELINE), name=stored_text(run.pipeline))
        message, _ = run_message(run, type_id=self._types.context_type_id(PIPELINE_RUN))
        _, _, (pipeline_id, run_context_id) = self._call(
            "put_lineage_subgraph", [], [], [pipeline, message], [], reuse_context_if_already_exist=True
        )
        with suppress(ConflictError):  # another process opened the same run
            self._call(
                "put_parent_contexts", [pb.ParentContext(parent_id=pipeline_id, child_id=run_context_id)]
            )
        return self._call("get_contexts_by_id", [run_context_id])[0]

    def _run_span(self, run_id: str) -> str:
        """The run's span, read once: every output carries it, so that one filter finds artifacts by it."""
        if run_id not in self._run_spans:
            run = self.run(run_id)
            if run is None:
                return ""
            self._run_spans[run_id] = run.span
        return self._run_spans[run_id]
