"""What PostgreSQL has to know of ML Metadata's tables, so that a list stays as fast as it began.

A property is a row of name and value. PostgreSQL takes the two for independent: it expects a node's 10 000
models to be four, and so reads the whole history to find and sort these instead of walking back from the
newest until a page is full. Statistics over both columns tell it how often a pair really occurs.
"""

from contextlib import suppress

from pipeline_lib.errors import MetadataUnavailableError
from pipeline_lib.metadata.database import Database, postgresql_connect

TAUGHT = 1
"""Raised with every change of what is taught: stores taught less are taught again when they are opened."""

_TABLES = ("artifactproperty", "executionproperty", "contextproperty")
_VALUES = ("string_value", "int_value")


def teach_planner(database: Database) -> bool:
    """Make the statistics, if they are not there; PostgreSQL fills them whenever it analyses a table.

    Call it under `creation_lock`, once the tables are there.

    Returns:
        Whether they are there now, or are not needed. A user who may not make them, or an installation
        without the extra `postgresql`, goes without: everything works, long histories are slower.
    """
    if database.backend != "postgresql":
        return True
    with suppress(MetadataUnavailableError):
        connection = postgresql_connect(database, database.name)
        if connection is None:
            return False
        import psycopg

        with connection, suppress(psycopg.Error):
            for table in _TABLES:
                for value in _VALUES:
                    connection.execute(
                        f"CREATE STATISTICS IF NOT EXISTS pl_{table}_{value} (mcv)"
                        f" ON name, is_custom_property, {value} FROM {table}"
                    )
                connection.execute(f"ANALYZE {table}")
            return True
    return False
