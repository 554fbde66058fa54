"""What databases are told about ML Metadata's tables."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline_lib.errors import MetadataUnavailableError
from pipeline_lib.metadata import planner
from pipeline_lib.metadata.database import Database, parse_database, postgresql_connect
from pipeline_lib.metadata.mlmd import open_store
from unit.metadata.building import examples, publish, ready

STATISTICS = "SELECT count(*) FROM pg_statistic_ext WHERE stxname LIKE 'pl\\_%'"


@pytest.fixture
def database(postgresql_directory: Path) -> Iterator[Database]:
    name = f"planner_{id(postgresql_directory)}"
    url = f"postgresql://postgres@/{name}?host={postgresql_directory}"
    with open_store(url) as store:
        ready(store)
        for number in range(60):
            publish(store, f"n{number % 2}", f"run-{number}", examples(f"/{number}"))
    yield parse_database(url)
    _ask(
        parse_database(f"postgresql://postgres@/postgres?host={postgresql_directory}"),
        f"DROP DATABASE {name}",
    )


def _ask(database: Database, query: str) -> list[tuple[object, ...]]:
    connection = postgresql_connect(database, database.name)
    assert connection is not None
    with connection:
        cursor = connection.execute(query)
        return list(cursor.fetchall()) if cursor.description else []


def test_a_new_store_is_taught_and_an_old_one_when_it_is_opened(database: Database) -> None:
    assert _ask(database, STATISTICS) == [(6,)]
    for table in ("artifactproperty", "executionproperty", "contextproperty"):
        for value in ("string_value", "int_value"):
            _ask(database, f"DROP STATISTICS pl_{table}_{value}")
    _ask(database, "DELETE FROM contextproperty WHERE name = 'taught'")
    open_store(f"postgresql://postgres@/{database.name}?host={database.host}").close()
    assert _ask(database, STATISTICS) == [(6,)]
    assert _ask(database, "SELECT int_value FROM contextproperty WHERE name = 'taught'") == [
        (planner.TAUGHT,)
    ]


def test_a_name_and_its_value_are_expected_as_often_as_they_occur(database: Database) -> None:
    _ask(database, "ANALYZE artifactproperty")
    where = "FROM artifactproperty WHERE name = '__pl_node' AND is_custom_property AND string_value = 'n1'"
    ((count,),) = _ask(database, f"SELECT count(*) {where}")
    ((plan,),) = _ask(database, f"EXPLAIN (FORMAT JSON) SELECT * {where}")
    expected = plan[0]["Plan"]["Plan Rows"]  # type: ignore[index]
    assert count == 30
    assert abs(expected - count) <= 3, "without the statistics PostgreSQL expects one or two"


def test_nothing_is_needed_elsewhere_and_nothing_fails_where_it_may_not(
    database: Database, tmp_path: Path
) -> None:
    assert planner.teach_planner(parse_database("mysql://root@localhost/m"))
    assert not planner.teach_planner(parse_database(f"sqlite:///{tmp_path}/nowhere/m.sqlite"))
    lost = parse_database(f"postgresql://postgres@/nowhere?host={tmp_path}")
    assert not planner.teach_planner(lost)
    with pytest.raises(MetadataUnavailableError, match="cannot be opened"):
        postgresql_connect(lost, "nowhere")
    _ask(database, "CREATE ROLE reader LOGIN")
    try:
        assert not planner.teach_planner(
            parse_database(f"postgresql://reader@/{database.name}?host={database.host}")
        )
    finally:
        _ask(database, "DROP ROLE reader")


# As ML Metadata asks for a page of a node's artifacts, or of a mark's executions.
OF_A_NODE = """
    SELECT distinct table_0.`id` FROM Artifact AS table_0 JOIN (
        SELECT artifact_id, int_value, double_value, string_value FROM ArtifactProperty
        WHERE name = "__pl_node" AND is_custom_property = true
    ) AS table_1 ON table_0.id = table_1.artifact_id
    WHERE (table_1.string_value = 'n1' AND table_0.id > 10 AND table_0.id < 20)
    AND table_0.`id` < 9223372036854775807 ORDER BY table_0.`id` DESC LIMIT 6
"""
OF_A_TYPE = "SELECT distinct id FROM Context WHERE type_id = 2 AND id > 0 ORDER BY id ASC LIMIT 6"


def _sqlite(path: Path, *statements: str) -> list[str]:
    """The plans of statements, which are carried out too."""
    with closing(sqlite3.connect(path)) as connection:
        found = [row[-1] for one in statements for row in connection.execute(f"EXPLAIN QUERY PLAN {one}")]
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        return found


def test_sqlite_finds_a_stretch_of_ids_by_an_index(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    open_store(f"sqlite:///{path}").close()
    place, *_ = _sqlite(path, OF_A_NODE)
    assert "idx_artifact_property_string" in place
    assert "string_value=? AND artifact_id>? AND artifact_id<?" in place
    (place,) = _sqlite(path, OF_A_TYPE)
    assert "pl_context_type (type_id=? AND rowid>?)" in place


def test_an_old_sqlite_store_is_taught_when_it_is_opened(tmp_path: Path) -> None:
    path, url = tmp_path / "m.sqlite", f"sqlite:///{tmp_path}/m.sqlite"
    with open_store(url) as store:
        ready(store)
        _, published = publish(store)
    _sqlite(
        path,
        "DROP INDEX idx_artifact_property_string",
        "DROP INDEX pl_context_type",
        "DELETE FROM sqlite_stat1",
        f"UPDATE ContextProperty SET int_value = {planner.TAUGHT - 1} WHERE name = 'taught'",
    )
    with open_store(url) as store, open_store(url) as beside:
        assert store.artifact(published.id) == beside.artifact(published.id) == published
        publish(store, "again")
    assert "artifact_id>? AND artifact_id<?" in _sqlite(path, OF_A_NODE)[0]
    with open_store(url) as store:
        assert len(store.run_executions("run-1")) == 2


def test_a_file_that_may_not_be_written_is_read_untaught(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    path.write_bytes(b"not a database" * 100)
    assert not planner.teach_planner(parse_database(f"sqlite:///{path}"))
    with pytest.raises(sqlite3.Error, match="not a database"):
        planner.teach_sqlite(path)
