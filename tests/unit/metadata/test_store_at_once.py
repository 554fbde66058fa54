"""Several processes at one store at once, on every backend: nothing is lost, and one wins."""

from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import ArtifactQuery, State
from pipeline_lib.metadata.store import Store
from unit.metadata.at_once import claim, complete, in_processes, note, open_and_publish, publish_many
from unit.metadata.building import key, new, ready

PROCESSES = 8


def test_a_fresh_store_may_be_opened_by_many_at_once(url: str) -> None:
    ids = in_processes(open_and_publish, [(url, number) for number in range(16)])
    assert sorted(ids) == list(range(1, 17))
    with open_store(url) as store:
        assert len(store.runs("flights")) == 2
        assert len(store.artifacts(ArtifactQuery(type_name="Examples"))) == 16


def test_exactly_one_try_completes(store: Store, url: str) -> None:
    ready(store)
    results = in_processes(complete, [(url, number) for number in range(PROCESSES)])
    assert results.count("lost") == PROCESSES - 1
    winner = store.completed(key())
    assert winner is not None
    assert [artifact.uri for artifact in winner.outputs["examples"]] == [
        result for result in results if result != "lost"
    ]
    assert len(store.artifacts(ArtifactQuery(type_name="Examples"))) == 1
    assert len(store.active_executions()) == PROCESSES - 1


def test_many_processes_publishing_lose_nothing(store: Store, url: str) -> None:
    ready(store)
    ids = in_processes(publish_many, [(url, number) for number in range(PROCESSES)])
    assert sorted(id_ for some in ids for id_ in some) == list(range(1, PROCESSES * 10 + 1))


def test_facts_written_at_once_are_all_kept(store: Store, url: str) -> None:
    execution_id = store.start(new())
    results = in_processes(note, [(url, execution_id, number) for number in range(PROCESSES)])
    assert results == [None] * PROCESSES
    found = store.execution(execution_id)
    assert found is not None
    assert {f"fact-{number}" for number in range(PROCESSES)} <= set(found.facts)


def test_of_many_processes_one_gets_the_claim(store: Store, url: str) -> None:
    for turn in range(3):
        results = in_processes(claim, [(url, turn * PROCESSES + number) for number in range(PROCESSES)])
        assert sorted(results) == ["claimed", *["refused"] * (PROCESSES - 1)]
        (running,) = store.active_executions()
        store.finish(running.id, State.FAILED, {})
