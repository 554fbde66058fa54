import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline_lib.errors import MetadataUnavailableError, MetadataUrlError, SecretError
from pipeline_lib.metadata.database import (
    Database,
    connection_config,
    creation_lock,
    parse_database,
    whole_file,
)
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.settings import MetadataSettings
from unit.metadata.at_once import hold_creation_lock, young


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////data/m.sqlite", Database(backend="sqlite", path=Path("/data/m.sqlite"))),
        (
            "postgresql://user@db.example:6000/meta",
            Database(backend="postgresql", host="db.example", port=6000, user="user", name="meta"),
        ),
        (
            "postgres://u%40x@h/meta?sslmode=require",
            Database(
                backend="postgresql",
                host="h",
                port=5432,
                user="u@x",
                name="meta",
                options={"sslmode": "require"},
            ),
        ),
        (
            "postgresql+psycopg://u@/meta?host=/run/pg",
            Database(backend="postgresql", host="/run/pg", port=5432, user="u", name="meta"),
        ),
        (
            "mysql+pymysql://root@h/meta",
            Database(backend="mysql", host="h", port=3306, user="root", name="meta"),
        ),
    ],
)
def test_a_url_is_taken_apart(url: str, expected: Database) -> None:
    assert parse_database(url) == expected


def test_a_relative_path_is_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_database("sqlite:///.pipeline/m.sqlite").path == tmp_path / ".pipeline" / "m.sqlite"


@pytest.mark.parametrize(
    "url", ["", "m.sqlite", "sqlite://", "sqlite://host/m", "oracle://h/d", "mysql://h", "postgresql:///d"]
)
def test_an_incomplete_url_is_refused(url: str) -> None:
    with pytest.raises(MetadataUrlError, match=r"give sqlite:///path, postgresql://"):
        parse_database(url)


def test_a_password_in_clear_is_refused_and_not_repeated() -> None:
    with pytest.raises(SecretError, match="password in clear") as caught:
        parse_database("postgresql://user:hunter2@h/d")
    assert "hunter2" not in str(caught.value)


def test_a_password_comes_by_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    for settings in (
        MetadataSettings(url="postgresql://u@h/d", password="env:DB_PASSWORD"),
        "postgresql://u@h/d?password=env:DB_PASSWORD",
    ):
        database = parse_database(settings)
        assert connection_config(database).postgresql.password == "hunter2"
        assert "hunter2" not in f"{database} {database!r}"


def test_a_reference_without_a_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DB_PASSWORD", raising=False)
    database = parse_database("mysql://u@h/d?password=env:DB_PASSWORD")
    with pytest.raises(SecretError, match="DB_PASSWORD is not set"):
        connection_config(database)


def test_mysql_gets_a_socket_or_a_host() -> None:
    """With both, ML Metadata aborts the process."""
    by_socket = connection_config(parse_database("mysql://u@localhost/d?unix_socket=/run/s")).mysql
    assert (by_socket.socket, by_socket.host) == ("/run/s", "")
    by_host = connection_config(parse_database("mysql://u@h/d")).mysql
    assert (by_host.socket, by_host.host, by_host.port) == ("", "h", 3306)


def test_one_process_at_a_time_holds_the_lock(url: str) -> None:
    context = young()
    reader, writer = context.Pipe(duplex=False)
    processes = [
        context.Process(target=hold_creation_lock, args=(url, writer, number)) for number in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    journal = [reader.recv() for _ in range(8)]
    assert [what for _, what in journal] == ["in", "out"] * 4
    assert [number for number, _ in journal[::2]] == [number for number, _ in journal[1::2]]


def test_an_unreachable_server_is_named() -> None:
    with pytest.raises(MetadataUnavailableError, match=r"postgresql://u@127\.0\.0\.1:1/d"):
        with creation_lock(parse_database("postgresql://u@127.0.0.1:1/d")):
            pass


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MetadataUnavailableError, match="cannot be opened"):
        with creation_lock(parse_database(f"sqlite:///{tmp_path}/file/m.sqlite")):
            pass


def test_a_new_sqlite_file_logs_ahead_and_appears_whole(tmp_path: Path) -> None:
    database = parse_database(f"sqlite:///{tmp_path}/m.sqlite")
    (tmp_path / ".m.sqlite.new").write_bytes(b"of a process that was killed")
    with whole_file(database) as fresh:
        with closing(sqlite3.connect(fresh.path)) as connection:
            connection.execute("CREATE TABLE t (x)")
        assert not database.path.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["m.sqlite"]
    with closing(sqlite3.connect(database.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT * FROM t").fetchall() == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    database = parse_database(f"sqlite:///{tmp_path}/m.sqlite")
    (tmp_path / ".m.sqlite.new").mkdir()
    with pytest.raises(MetadataUnavailableError, match=r"sqlite:///.*m\.sqlite"), whole_file(database):
        pass


@pytest.mark.system
def test_a_mysql_database_that_mixes_up_texts_is_refused_until_it_is_altered(mariadb_socket: Path) -> None:
    import pymysql

    url = f"mysql://root@localhost/loose?unix_socket={mariadb_socket}"
    with pymysql.connect(user="root", unix_socket=str(mariadb_socket)) as server, server.cursor() as cursor:
        cursor.execute("CREATE DATABASE loose CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        with pytest.raises(MetadataUnavailableError, match="different texts for equal") as refused:
            open_store(url)
        assert refused.match(r"got: +collation utf8mb4_general_ci")
        cursor.execute("ALTER DATABASE loose CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
    with open_store(url) as store:
        assert store.runs() == []
