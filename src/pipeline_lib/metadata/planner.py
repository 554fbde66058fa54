"""What a database has to know of ML Metadata's tables, so that a list stays as fast as it began.

A property is a row of name and value. PostgreSQL takes the two for independent: it expects a node's 10 000
models to be four, and so reads the whole history to find and sort these instead of walking back from the
newest until a page is full. Statistics over both columns tell it how often a pair really occurs.

SQLite gets indexes by which a stretch of ids is found (see `mlmd_listing`): ML Metadata's own on properties,
with the owner's id as one more column, and one for each type. It chooses among indexes by statistics that it
makes only when told to; it is given those of a long history once, so that its choice is the right one there.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from pipeline_lib.errors import MetadataUnavailableError
from pipeline_lib.metadata.database import Database, postgresql_connect

TAUGHT = 2
"""Raised with every change of what is taught: stores taught less are taught again when they are opened."""

_OWNERS = ("artifact", "execution", "context")
_KINDS = ("int", "double", "string")
_COUNTED = ("string_value", "int_value")
_SQLITE_SECONDS = 10.0
# Of a table's index: rows in all, then rows that share its first column, its first two, and so on. These are
# the figures of 100 000 executions, rounded; one type (`Examples`) may be half of all artifacts.
_SQLITE_STATISTICS = {
    "Artifact": {
        "pl_artifact_type": "200000 100000",
        "idx_artifact_create_time_since_epoch": "200000 3",
        "idx_artifact_external_id": "200000 1",
    },
    "ArtifactProperty": {
        "sqlite_autoindex_ArtifactProperty_1": "2000000 10 1 1",
        "idx_artifact_property_int": "400000 80000 80000 40 1",
        "idx_artifact_property_double": "100000 50000 50000 40 1",
        "idx_artifact_property_string": "2000000 100000 100000 20 1",
    },
    "Execution": {
        "pl_execution_type": "100000 10000",
        "idx_execution_create_time_since_epoch": "100000 1",
        "idx_execution_external_id": "100000 1",
    },
    "ExecutionProperty": {
        "sqlite_autoindex_ExecutionProperty_1": "1600000 16 1 1",
        "idx_execution_property_int": "100000 50000 50000 40 1",
        "idx_execution_property_double": "100000 50000 50000 40 1",
        "idx_execution_property_string": "1400000 65000 65000 20 1",
    },
    "Context": {
        "pl_context_type": "100000 10000",
        "sqlite_autoindex_Context_2": "100000 10000 1",
        "idx_context_create_time_since_epoch": "100000 2",
    },
    "ContextProperty": {
        "sqlite_autoindex_ContextProperty_1": "50000 2 1 1",
        "idx_context_property_int": "10000 5000 5000 40 1",
        "idx_context_property_double": "10000 5000 5000 40 1",
        "idx_context_property_string": "50000 10000 10000 20 1",
    },
    "Association": {"sqlite_autoindex_Association_1": "400000 20 1"},
    "Attribution": {"sqlite_autoindex_Attribution_1": "2000000 20 1"},
    "Type": {"idx_type_name": "40 1"},
}


def teach_planner(database: Database) -> bool:
    """Make indexes and statistics, if they are not there.

    Call it under `creation_lock`, once the tables are there.

    Returns:
        Whether they are there now, or are not needed. A user who may not make them, or an installation
        without the extra `postgresql`, goes without: everything works, long histories are slower.
    """
    if database.backend == "sqlite":
        return _teach_in_process(database.path)
    return database.backend != "postgresql" or _teach_postgresql(database)


def _teach_in_process(path: Path) -> bool:
    """In a process of its own: a file that Python's SQLite closes loses the locks of ML Metadata's SQLite.

    Both are in this process, and locks of a file are a process's. It would lose what is written afterwards.
    """
    if not os.access(path, os.W_OK):
        return False
    code = "import sys; from pipeline_lib.metadata.planner import teach_sqlite; teach_sqlite(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False)
    return done.returncode == 0


def teach_sqlite(path: Path | str) -> None:
    """What `teach_planner` does, for a file that nothing else in this process has open.

    Raises:
        sqlite3.Error: The file cannot be written.
    """
    import sqlite3

    with closing(sqlite3.connect(path, timeout=_SQLITE_SECONDS)) as connection:
        connection.isolation_level = None  # transactions begin where it says so
        connection.execute("BEGIN IMMEDIATE")
        for statement in _sqlite_indexes():
            connection.execute(statement)
        connection.execute("ANALYZE sqlite_master")  # makes the table of statistics
        connection.execute("DELETE FROM sqlite_stat1")
        connection.executemany(
            "INSERT INTO sqlite_stat1 VALUES (?, ?, ?)",
            [
                (table, index, figures)
                for table, indexes in _SQLITE_STATISTICS.items()
                for index, figures in indexes.items()
            ],
        )
        connection.execute("COMMIT")


def _sqlite_indexes() -> Iterator[str]:
    for owner in _OWNERS:
        yield f"CREATE INDEX IF NOT EXISTS pl_{owner}_type ON {owner}(type_id)"
        for kind in _KINDS:
            # Under ML Metadata's name, in its place: a second one would cost each property a second entry.
            name = f"idx_{owner}_property_{kind}"
            yield f"DROP INDEX IF EXISTS {name}"
            yield (
                f"CREATE INDEX {name} ON {owner}property"
                f"(name, is_custom_property, {kind}_value, {owner}_id) WHERE {kind}_value IS NOT NULL"
            )


def _teach_postgresql(database: Database) -> bool:
    """PostgreSQL fills the statistics whenever it analyses a table."""
    with suppress(MetadataUnavailableError):
        connection = postgresql_connect(database, database.name)
        if connection is None:
            return False
        import psycopg

        with connection, suppress(psycopg.Error):
            for owner in _OWNERS:
                table = f"{owner}property"
                for value in _COUNTED:
                    connection.execute(
                        f"CREATE STATISTICS IF NOT EXISTS pl_{table}_{value} (mcv)"
                        f" ON name, is_custom_property, {value} FROM {table}"
                    )
                connection.execute(f"ANALYZE {table}")
            return True
    return False
