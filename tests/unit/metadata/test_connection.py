import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

import pipeline_lib.metadata.connection
from pipeline_lib.errors import MetadataUnavailableError, MetadataVersionError
from pipeline_lib.metadata.connection import ConflictError, Connection, NotStoredError
from pipeline_lib.metadata.database import parse_database
from unit.metadata.at_once import hold_file, young


@pytest.fixture
def connection(url: str) -> Connection:
    return Connection(parse_database(url))


def test_nothing_is_opened_before_the_first_call(tmp_path: Path) -> None:
    Connection(parse_database(f"sqlite:///{tmp_path}/m.sqlite")).close()
    assert list(tmp_path.iterdir()) == []


def test_calls_are_counted(connection: Connection) -> None:
    connection.call("get_artifacts")
    connection.call("get_artifacts")
    assert connection.calls == 2


def test_what_is_not_there_is_told_apart(connection: Connection) -> None:
    with pytest.raises(NotStoredError):
        connection.call("get_artifact_type", "Nothing")


def test_a_taken_name_and_a_taken_external_id_are_conflicts(connection: Connection) -> None:
    type_id = connection.call("put_execution_type", pb.ExecutionType(name="t"))
    connection.call("put_executions", [pb.Execution(type_id=type_id, name="a", external_id="x")])
    (other,) = connection.call("put_executions", [pb.Execution(type_id=type_id, name="b")])
    for taken in (
        pb.Execution(type_id=type_id, name="a"),
        pb.Execution(type_id=type_id, name="c", external_id="x"),
        pb.Execution(type_id=type_id, name="b", id=other, external_id="x"),
    ):
        with pytest.raises(ConflictError):
            connection.call("put_executions", [taken])


def test_a_refused_call_is_unavailable(connection: Connection) -> None:
    with pytest.raises(MetadataUnavailableError, match="ML Metadata refused put_executions"):
        connection.call("put_executions", [pb.Execution()])


def test_threads_share_a_connection(connection: Connection) -> None:
    type_id = connection.call("put_execution_type", pb.ExecutionType(name="t"))
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(
            lambda number: connection.call(
                "put_executions", [pb.Execution(type_id=type_id, name=str(number))]
            ),
            range(40),
        )
    assert sorted(id_ for (id_,) in found) == list(range(1, 41))


def test_a_closed_connection_opens_again(connection: Connection) -> None:
    connection.call("put_execution_type", pb.ExecutionType(name="t"))
    connection.close()
    assert connection.call("get_execution_type", "t").name == "t"


def test_the_holder_may_take_the_lock_again(connection: Connection) -> None:
    with connection.creating(), connection.creating():
        pass


@contextmanager
def locked_for(path: Path, seconds: float) -> Iterator[None]:
    """Another process writes; in this one its lock would not count, for locks are a process's."""
    context = young()
    holding = context.Event()
    process = context.Process(target=hold_file, args=(path, holding, seconds))
    process.start()
    assert holding.wait(60)
    yield
    process.kill()
    process.join()


def test_a_locked_file_is_waited_for(tmp_path: Path) -> None:
    connection = Connection(parse_database(f"sqlite:///{tmp_path}/m.sqlite"))
    connection.call("get_artifacts")
    started = time.monotonic()
    with locked_for(tmp_path / "m.sqlite", 0.3):
        connection.call("put_execution_type", pb.ExecutionType(name="t"))
    assert time.monotonic() - started > 0.3
    assert connection.call("get_execution_type", "t").name == "t"


def test_waiting_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_lib.metadata.connection, "_RETRY_SECONDS", 0.2)
    connection = Connection(parse_database(f"sqlite:///{tmp_path}/m.sqlite"))
    connection.call("get_artifacts")
    with locked_for(tmp_path / "m.sqlite", 60):
        with pytest.raises(MetadataUnavailableError, match="was busy or out of reach"):
            connection.call("put_execution_type", pb.ExecutionType(name="t"))


def test_a_lost_connection_is_made_again(postgresql_directory: Path) -> None:
    import psycopg

    connection = Connection(parse_database(f"postgresql://postgres@/lost?host={postgresql_directory}"))
    connection.call("put_execution_type", pb.ExecutionType(name="t"))
    with psycopg.connect(
        host=str(postgresql_directory), user="postgres", dbname="postgres", autocommit=True
    ) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lost'")
    assert connection.call("get_execution_type", "t").name == "t"
    connection.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_taken_away_is_not_written_to(tmp_path: Path, replaced: bool) -> None:
    connection = Connection(parse_database(f"sqlite:///{tmp_path}/m.sqlite"))
    connection.call("get_artifacts")
    (tmp_path / "m.sqlite").rename(tmp_path / "taken.sqlite")
    if replaced:
        Connection(parse_database(f"sqlite:///{tmp_path}/m.sqlite")).call("get_artifacts")
    for _ in range(2):  # whoever goes on with this connection has ids of the old file
        with pytest.raises(MetadataUnavailableError, match="removed or replaced while it was open"):
            connection.call("put_execution_type", pb.ExecutionType(name="t"))
    assert (tmp_path / "m.sqlite").exists() == replaced


@pytest.mark.parametrize("version", [6, 99])
def test_another_schema_version_of_ml_metadata_is_named(tmp_path: Path, version: int) -> None:
    database = parse_database(f"sqlite:///{tmp_path}/m.sqlite")
    connection = Connection(database)
    connection.call("get_artifacts")
    connection.close()
    with sqlite3.connect(database.path) as raw:
        raw.execute("UPDATE MLMDEnv SET schema_version = ?", (version,))
    with pytest.raises(MetadataVersionError, match="another schema version of ML Metadata"):
        connection.call("get_artifacts")


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").write_text("this is not a database, but it is long enough to be mistaken for one")
    with pytest.raises(MetadataUnavailableError, match="cannot be opened") as caught:
        Connection(parse_database(f"sqlite:///{tmp_path}/m.sqlite")).call("get_artifacts")
    assert "move it away" in caught.value.fix


@pytest.mark.parametrize("before", ["nothing", "an empty file"])
def test_a_store_is_made_under_the_lock_and_then_opened_without(tmp_path: Path, before: str) -> None:
    file = tmp_path / "metadata.sqlite"
    if before == "an empty file":
        file.touch()
    database = parse_database(f"sqlite:///{file}")
    Connection(database).call("get_contexts")
    lock = tmp_path / "metadata.sqlite.lock"
    assert lock.exists()
    lock.unlink()
    Connection(database).call("get_contexts")
    assert not lock.exists()


def test_a_file_that_cannot_be_opened_is_told_without_a_server(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").mkdir()
    with pytest.raises(MetadataUnavailableError, match="cannot be opened") as caught:
        Connection(parse_database(f"sqlite:///{tmp_path}/m.sqlite")).call("get_artifacts")
    assert caught.value.fix.startswith("let this user read and write that file")
