"""What PostgreSQL is told about ML Metadata's tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_lib.errors import MetadataUnavailableError
from pipeline_lib.metadata import planner
from pipeline_lib.metadata.database import Database, parse_database, postgresql_connect
from pipeline_lib.metadata.mlmd import open_store
from unit.metadata.test_store import examples, publish, ready

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
    assert planner.teach_planner(parse_database(f"sqlite:///{tmp_path}/m.sqlite"))
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
