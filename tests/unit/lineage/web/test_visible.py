"""A store without what may not be read."""

import inspect

from pipeline_lib.lineage.models.explanation import explain
from pipeline_lib.lineage.queries.subjects import Subject
from pipeline_lib.lineage.queries.timeline import targets
from pipeline_lib.lineage.web.visible import VisibleStore, visible
from pipeline_lib.metadata.records import ArtifactQuery, RecordQuery, Slice
from pipeline_lib.metadata.store import Store
from unit.lineage.conftest import Audited


def test_whoever_may_read_all_sees_the_store_as_it_is(audited: Audited) -> None:
    store, seen = audited.store, visible(audited.store, lambda _: True)
    model = audited.made("Model")[-1]
    assert seen.list_artifacts(RecordQuery(), Slice()) == store.list_artifacts(RecordQuery(), Slice())
    assert seen.list_runs(RecordQuery(), Slice()) == store.list_runs(RecordQuery(), Slice())
    assert explain(seen, Subject(artifact=model.id)) == explain(store, Subject(artifact=model.id))
    assert targets(seen) == targets(store)


def test_whoever_may_read_nothing_sees_nothing(audited: Audited) -> None:
    seen, model = visible(audited.store, lambda _: False), audited.made("Model")[-1]
    mark = audited.store.list_executions(RecordQuery(), Slice(limit=1))[0]
    assert seen.artifact(model.id) is seen.run(model.run_id) is seen.execution(mark.id) is None
    for found in (
        seen.run_executions(model.run_id),
        seen.artifacts(ArtifactQuery()),
        seen.artifacts_by_uri(model.uri),
        seen.producers([model.id]),
        seen.consumers([model.id]),
        seen.list_artifacts(RecordQuery(), Slice()),
        seen.list_artifacts(RecordQuery(pipeline="audited"), Slice()),
        seen.list_executions(RecordQuery(), Slice()),
        seen.list_runs(RecordQuery(), Slice()),
        seen.node_history("audited", "train"),
        targets(seen),
    ):
        assert not found


def test_a_page_is_filled_although_much_is_filtered_out(audited: Audited) -> None:
    asked: list[str] = []

    def every_other(pipeline: str) -> bool:
        asked.append(pipeline)
        return True

    seen = visible(audited.store, every_other)
    first = seen.list_artifacts(RecordQuery(), Slice(limit=3))
    rest = seen.list_artifacts(RecordQuery(), Slice(limit=3, before=first[-1].id))
    assert len(first) == len(rest) == 3
    assert asked == ["audited"]


def test_nothing_that_writes_can_be_reached() -> None:
    read = {name for name in vars(VisibleStore) if not name.startswith("_")}
    assert read < {name for name, _ in inspect.getmembers(Store, inspect.isfunction)}
    writing = (
        "abandon",
        "close",
        "complete",
        "finish",
        "import",
        "keep",
        "open",
        "record",
        "register",
        "set",
        "start",
    )
    assert {name for name in read if name.startswith(writing)} == set()
