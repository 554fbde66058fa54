"""States, pins and texts; read back by ML Metadata's own client, too."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline_lib.errors import UnknownRecordError
from pipeline_lib.metadata.database import connection_config, parse_database
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import ArtifactQuery, ArtifactState, RecordQuery, Slice
from pipeline_lib.metadata.store import Store
from unit.metadata.building import AWKWARD, examples, publish, ready


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/m.sqlite"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        ready(opened)
        yield opened


def test_a_tombstone_keeps_everything_but_its_state(store: Store, url: str) -> None:
    _, artifact = publish(store, "ingest", "run-1", examples())
    store.set_states([artifact.id], ArtifactState.DELETED)
    found = store.artifact(artifact.id)
    assert found is not None
    assert (found.state, found.properties) == (ArtifactState.DELETED, artifact.properties)
    assert list(store.artifacts(ArtifactQuery(type_name="Examples"))) == []
    client = metadata_store.MetadataStore(connection_config(parse_database(url)))
    (theirs,) = client.get_artifacts_by_id([artifact.id])
    assert theirs.state == pb.Artifact.DELETED
    assert theirs.custom_properties["span"].int_value == 3


@pytest.mark.parametrize("state", list(ArtifactState))
def test_every_state_is_listed_by_its_name(store: Store, state: ArtifactState) -> None:
    _, artifact = publish(store, "ingest", "run-1", examples())
    store.set_states([artifact.id], state)
    for other in ArtifactState:
        found = store.list_artifacts(RecordQuery(state=other.value), Slice())
        assert [one.id for one in found] == ([artifact.id] if other is state else [])


def test_pins_come_and_go_and_change_nothing_else(store: Store) -> None:
    _, artifact = publish(store, "ingest", "run-1", examples())
    store.set_pinned(artifact.id, pinned=True)
    assert list(store.pinned(Slice())) == [artifact]
    store.set_pinned(artifact.id, pinned=False)
    assert list(store.pinned(Slice())) == []
    with pytest.raises(UnknownRecordError, match="no artifact 99"):
        store.set_pinned(99, pinned=True)


@pytest.mark.parametrize("text", [AWKWARD, "x" * 200_000, "é" * 59_999])
def test_a_text_is_kept_once_by_its_digest(store: Store, text: str) -> None:
    name = hashlib.sha256(text.encode()).hexdigest()
    for _ in range(2):
        store.keep_text(name, text)
    found = store.kept_texts([name, "0" * 64, "' OR 1=1 --"])
    assert found.keys() == {name}
    assert text.startswith(found[name])
    assert len(found[name].encode()) > 59_000 or found[name] == text


def test_no_text_is_asked_for_without_a_call(store: Store) -> None:
    assert store.kept_texts([]) == {}
