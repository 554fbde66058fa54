from ml_metadata.metadata_store import metadata_store

from pipeline_lib.metadata.database import connection_config, parse_database
from pipeline_lib.metadata.records import Run, State
from pipeline_lib.metadata.store import Store
from unit.metadata.at_once import open_run, young

TASKS = 6


def test_a_run_opened_by_many_at_once_is_one_run_with_all_facts(store: Store, url: str) -> None:
    """Every Airflow task of a run opens it."""
    context = young()
    barrier = context.Barrier(TASKS)
    processes = [context.Process(target=open_run, args=(url, barrier, number)) for number in range(TASKS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * TASKS
    (run,) = store.runs()
    assert run.facts == {f"task-{number}": number for number in range(TASKS)}


def test_a_run_has_one_parent(store: Store, url: str) -> None:
    for run_id in ("run-1", "run-1", "run-2"):
        store.open_run(Run(pipeline="flights", run_id=run_id, state=State.RUNNING))
    client = metadata_store.MetadataStore(connection_config(parse_database(url)))
    for run_id in ("run-1", "run-2"):
        context = client.get_context_by_type_and_name("pipeline_run", run_id)
        assert [parent.name for parent in client.get_parent_contexts_by_context(context.id)] == ["flights"]


def test_closing_a_run_that_nobody_opened_records_it(store: Store) -> None:
    store.close_run(Run(pipeline="flights", run_id="run-1", state=State.CANCELED, span="2013-01-01"))
    run = store.run("run-1")
    assert run is not None
    assert (run.state, run.span) == (State.CANCELED, "2013-01-01")
