"""A metadata store with as many executions as one likes: real runs, and copies of the last one made in SQL.

`PERIOD` runs of ten nodes are recorded through `Store`, so that every row is as a run writes it. Whatever
differs between two of them is the run's number, in seven digits: the rows of the last run are then inserted
again and again, ids shifted, numbers replaced. Only external ids are digests and are computed here.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pipeline_lib.metadata.database import Database, parse_database
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.mlmd_records import node_external_id, output_external_id
from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, Run, State, StoredArtifact
from pipeline_lib.metadata.store import Store

PIPELINE, TARGET = "flight-delays", "/served/flight-delays"
WINDOW = 13
# From run 13 on each run takes as many ids as the next; the last one reads of 12 such runs before it.
PERIOD = 2 * WINDOW + 1
EXECUTIONS_A_RUN = 10
_FIRST_SPAN = 10_000
_HOUR = 3_600_000
_SOURCE = "\n".join(f"def column_{number}(): ..." for number in range(20))


def number_of(run: int) -> str:
    """The digits by which everything of a run is told from other runs."""
    return f"{run:07d}"


def sha256_of(run: int) -> str:
    """The hash of the file that a run read."""
    return number_of(run) * 9 + "f"


def version_of(run: int) -> str:
    """The version that a run pushed."""
    return f"2{number_of(run)}"


def span_of(run: int) -> int:
    """The span of a run's data."""
    return _FIRST_SPAN + run


def build(url: str, executions: int) -> int:
    """Make a store.

    Args:
        url: Of a store that does not exist yet.
        executions: About how many.

    Returns:
        The number of the last run.
    """
    runs = max(executions // EXECUTIONS_A_RUN, PERIOD + 1)
    with open_store(url) as store:
        schema = _imported_schema(store)
        window: list[StoredArtifact] = []
        baseline: list[StoredArtifact] = []
        for run in range(1, PERIOD + 1):
            _record_run(store, run, schema, window, baseline)
    with closing(_connect(parse_database(url))) as connection:
        _multiply(connection, runs - PERIOD)
    return runs


def _imported_schema(store: Store) -> StoredArtifact:
    """One schema that every run reads: the artifact with the most events."""
    key = NodeKey(pipeline=PIPELINE, run_id="import", node="import_schema")
    store.open_run(Run(pipeline=PIPELINE, run_id="import", state=State.COMPLETE))
    new = NewArtifact(type_name="Schema", uri="/schemas/1", digest="5c" * 32, properties={}, size_bytes=2_000)
    return store.import_artifact(_execution(key, {}, {}), new)[1]


@dataclass(frozen=True, slots=True)
class _Recorder:
    store: Store
    run: int

    @property
    def number(self) -> str:
        return number_of(self.run)

    def execute(
        self,
        node: str,
        inputs: dict[str, Sequence[StoredArtifact]],
        outputs: dict[str, Sequence[tuple[str, dict[str, Any]]]],
        parameters: dict[str, Any] | None = None,
    ) -> dict[str, Sequence[StoredArtifact]]:
        key = NodeKey(pipeline=PIPELINE, run_id=f"run-{self.number}", node=node)
        id_ = self.store.start(_execution(key, inputs, parameters or {}, number=self.number))
        made = {
            port: [
                NewArtifact(
                    type_name=type_name,
                    uri=f"/artifacts/{PIPELINE}/{node}/{port}/{self.number}/{index}",
                    digest=f"{node[:4].encode().hex()}{self.number * 8}",
                    properties=properties,
                    size_bytes=1_000_000 + index,
                )
                for index, (type_name, properties) in enumerate(found)
            ]
            for port, found in outputs.items()
        }
        facts = {"wall_seconds": 1.5, "cpu_seconds": 1.25, "peak_memory_bytes": 300_000_000}
        return dict(self.store.complete(id_, key, made, facts))


def _execution(
    key: NodeKey, inputs: dict[str, Sequence[StoredArtifact]], parameters: dict[str, Any], number: str = ""
) -> NewExecution:
    return NewExecution(
        key=key,
        type_name=f"pipeline_components.{key.node}",
        cache_key=f"{key.node[:8].encode().hex():0<16}{number * 6}ffffff" if number else "",
        inputs=inputs,
        parameters=parameters,
        facts={
            "user": "ann",
            "host": "worker-1",
            "git_commit": "c0ffee" * 6 + "abcd",
            "git_dirty": False,
            "environment_digest": "e1" * 32,
            "cache_parts": {"files": {f"flights/{key.node}.py": "ab" * 32}, "source": _SOURCE},
            "log": f"/state/logs/{number}/{key.node}.log",
        },
    )


def _record_run(
    store: Store,
    run: int,
    schema: StoredArtifact,
    window: list[StoredArtifact],
    baseline: list[StoredArtifact],
) -> None:
    """Ten nodes, a hundred events; the first runs have a shorter window."""
    number = number_of(run)
    day = f"day-{number}"
    record = Run(pipeline=PIPELINE, run_id=f"run-{number}", state=State.RUNNING, span=day)
    store.open_run(record)
    recorder = _Recorder(store, run)
    file = {"name": f"{number}.csv", "sha256": sha256_of(run), "size": 100_000}
    examples = recorder.execute(
        "ingest",
        {},
        {"examples": [("Examples", {"span": span_of(run), "version": 0, "split_names": ["train", "eval"]})]},
        {"source": "/data/*.csv", "found": {"files": {"*": [file]}}},
    )["examples"]
    window.extend(examples)
    del window[:-WINDOW]
    days = list(window)
    key = NodeKey(pipeline=PIPELINE, run_id=f"run-{number}", node="window")
    store.record_resolved(_execution(key, {}, {}, number=""), {"result": days})
    statistics = recorder.execute(
        "statistics", {"examples": days}, {"statistics": [("ExampleStatistics", {})]}
    )
    anomalies = recorder.execute(
        "validate",
        {**statistics, "schema": [schema]},
        {"anomalies": [("ExampleAnomalies", {"blessed": {"train": 1}})]},
    )
    transformed = recorder.execute(
        "transform",
        {"examples": days, "schema": [schema]},
        {
            "graph": [("TransformGraph", {})],
            "transformed": [("Examples", {"span": span_of(run)})] * len(days),
        },
        {"module": "flights.features"},
    )
    trained = recorder.execute(
        "train",
        {"examples": transformed["transformed"], "graph": transformed["graph"], "schema": [schema]},
        {"model": [("Model", {})], "model_run": [("ModelRun", {})]},
        {"train_steps": 2_000},
    )
    key = NodeKey(pipeline=PIPELINE, run_id=f"run-{number}", node="baseline")
    store.record_resolved(_execution(key, {}, {}, number=""), {"result": list(baseline)})
    verdict = recorder.execute(
        "evaluate",
        {"examples": days, "model": trained["model"], "baseline": list(baseline)},
        {
            "evaluation": [("ModelEvaluation", {"metrics": {"auc": 0.8}})],
            "blessing": [("ModelBlessing", {"blessed": True, "outcome": "blessed"})],
        },
        {"metrics": [{"name": "auc", "at_least": 0.6}]},
    )
    baseline[:] = trained["model"]
    recorder.execute("notify", {"anomalies": anomalies["anomalies"]}, {})
    version = version_of(run)
    recorder.execute(
        "push",
        {"model": trained["model"], "blessing": verdict["blessing"]},
        {
            "pushed_model": [
                (
                    "PushedModel",
                    {"pushed": True, "pushed_destination": f"{TARGET}/{version}", "pushed_version": version},
                )
            ]
        },
    )
    store.close_run(Run(pipeline=PIPELINE, run_id=f"run-{number}", state=State.COMPLETE, span=day))


# --- the last run, again and again ------------------------------------------------------------------------

_TEXTS = {
    "Artifact": ("uri",),
    "ArtifactProperty": ("string_value",),
    "ExecutionProperty": ("string_value",),
    "Context": ("name",),
    "ContextProperty": ("string_value",),
}


@dataclass(frozen=True, slots=True)
class _Block:
    """Ids that one run takes: the first of the last recorded run, and how many a run has."""

    first: int
    size: int


def _connect(database: Database) -> Any:
    if database.backend == "sqlite":
        connection = sqlite3.connect(database.path)
        for pragma in ("synchronous=OFF", "cache_size=-400000", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        return connection
    import psycopg

    return psycopg.connect(host=database.host, port=database.port, user=database.user, dbname=database.name)


def _multiply(connection: Any, copies: int) -> None:
    lite = isinstance(connection, sqlite3.Connection)
    sql = connection.execute
    blocks = {table: _block(connection, table) for table in ("Artifact", "Execution", "Event", "Context")}
    for table, owner in (("Association", "execution_id"), ("Attribution", "artifact_id")):
        blocks[table] = _tail(connection, table, f"{owner} >= {blocks[owner[:-3].title()].first}")
    digits = f"printf('%07d', {PERIOD} + k.n)" if lite else f"lpad(({PERIOD} + k.n)::text, 7, '0')"
    series = f"k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < {copies})"
    indexes = _indexes(connection)
    # With an index SQLite drops its statistics: those of the store, which nothing makes anew as it grows.
    statistics = sql("SELECT * FROM sqlite_stat1").fetchall() if lite else []
    for name, _ in indexes:
        sql(f'DROP INDEX "{name}"')
    _external_ids(connection, blocks, copies)
    for table in (
        *("Artifact", "ArtifactProperty", "Execution", "ExecutionProperty", "Event", "EventPath"),
        *("Context", "ContextProperty", "ParentContext", "Association", "Attribution"),
    ):
        columns = _columns(connection, table)
        where = _of_last_run(table, blocks)
        sql(f"CREATE TEMP TABLE template AS SELECT * FROM {table} WHERE {where}")
        chosen = ", ".join(_copied(table, column, blocks, digits) for column in columns)
        join = (
            f"LEFT JOIN external x ON x.kind = '{table}' AND x.id = t.id AND x.n = k.n"
            if table in ("Artifact", "Execution")
            else ""
        )
        names = ", ".join(columns)
        sql(
            f"WITH RECURSIVE {series} INSERT INTO {table} ({names})"
            f" SELECT {chosen} FROM k CROSS JOIN template t {join}"
        )
        sql("DROP TABLE template")
    for _, statement in indexes:
        sql(statement)
    if not lite:
        _set_sequences(connection)
    if lite:
        sql("DELETE FROM sqlite_stat1")
        connection.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", statistics)
    connection.commit()
    if not lite:
        connection.autocommit = True
        sql("VACUUM ANALYZE")
    connection.commit()


def _indexes(connection: Any) -> list[tuple[str, str]]:
    """Indexes that no constraint needs, with the statements that make them: made anew at the end, at once."""
    if isinstance(connection, sqlite3.Connection):
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        connection.execute("SET maintenance_work_mem = '512MB'")
        query = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
            " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        )
    return list(connection.execute(query).fetchall())


def _block(connection: Any, table: str) -> _Block:
    """All rows of the last run: a run's rows come one after the other, and as many as of the run before."""
    run = f"run-{number_of(PERIOD)}"
    if table == "Context":
        first = connection.execute(f"SELECT id FROM Context WHERE name = '{run}'").fetchone()[0]
        last = connection.execute("SELECT max(id) FROM Context").fetchone()[0]
        return _Block(first, last - first + 1)
    if table == "Event":
        executions = _block(connection, "Execution")
        return _tail(connection, "Event", f"execution_id >= {executions.first}")
    owner = f"{table.lower()}_id"
    found = connection.execute(
        f"SELECT min({owner}), max({owner}) FROM {table}Property"
        f" WHERE name = '__pl_run_id' AND string_value = '{run}'"
    ).fetchone()
    return _Block(found[0], found[1] - found[0] + 1)


def _tail(connection: Any, table: str, condition: str) -> _Block:
    """All rows from the first that fulfils a condition."""
    found = connection.execute(
        f"SELECT (SELECT min(id) FROM {table} WHERE {condition}), (SELECT max(id) FROM {table})"
    ).fetchone()
    return _Block(found[0], found[1] - found[0] + 1)


def _external_ids(connection: Any, blocks: dict[str, _Block], copies: int) -> None:
    """The digests that name executions and outputs, for every copy."""
    nodes = dict(
        connection.execute(
            "SELECT execution_id, string_value FROM ExecutionProperty WHERE name = '__pl_node'"
            f" AND execution_id >= {blocks['Execution'].first}"
        ).fetchall()
    )
    places = _places(connection, blocks["Artifact"])
    connection.execute("CREATE TEMP TABLE external (kind TEXT, id BIGINT, n BIGINT, value TEXT)")

    def rows() -> Iterator[tuple[str, int, int, str]]:
        for n in range(1, copies + 1):
            run = f"run-{number_of(PERIOD + n)}"
            names = {
                node: node_external_id(NodeKey(pipeline=PIPELINE, run_id=run, node=node))
                for node in nodes.values()
            }
            yield from (("Execution", id_, n, names[node]) for id_, node in nodes.items())
            for id_, (node, port, index) in places.items():
                yield "Artifact", id_, n, output_external_id(names[node], port, index)

    if isinstance(connection, sqlite3.Connection):
        connection.executemany("INSERT INTO external VALUES (?, ?, ?, ?)", rows())
    else:
        with connection.cursor().copy("COPY external FROM STDIN") as copy:
            for row in rows():
                copy.write_row(row)
    connection.execute("CREATE INDEX external_place ON external (kind, id, n)")
    if not isinstance(connection, sqlite3.Connection):
        connection.execute("ANALYZE external")


def _places(connection: Any, block: _Block) -> dict[int, tuple[str, str, int]]:
    """Node, port and index of the last run's outputs."""
    found: dict[int, dict[str, str]] = {}
    for id_, name, text in connection.execute(
        "SELECT artifact_id, name, string_value FROM ArtifactProperty"
        f" WHERE name IN ('__pl_node', '__pl_port') AND artifact_id >= {block.first}"
    ).fetchall():
        found.setdefault(id_, {})[name] = text
    uris = dict(connection.execute(f"SELECT id, uri FROM Artifact WHERE id >= {block.first}").fetchall())
    return {
        id_: (told["__pl_node"], told["__pl_port"], int(uris[id_].rpartition("/")[2]))
        for id_, told in found.items()
    }


def _of_last_run(table: str, blocks: dict[str, _Block]) -> str:
    owner = {
        "ArtifactProperty": ("artifact_id", "Artifact"),
        "ExecutionProperty": ("execution_id", "Execution"),
        "EventPath": ("event_id", "Event"),
        "ContextProperty": ("context_id", "Context"),
        "ParentContext": ("context_id", "Context"),
    }.get(table, ("id", table))
    return f"{owner[0]} >= {blocks[owner[1]].first}"


def _copied(table: str, column: str, blocks: dict[str, _Block], digits: str) -> str:
    if column == "id":
        return f"t.id + k.n * {blocks[table].size}"
    shifted = {
        "artifact_id": "Artifact",
        "execution_id": "Execution",
        "event_id": "Event",
        "context_id": "Context",
    }
    if column in shifted:
        block = blocks[shifted[column]]
        # What is from before the recorded runs, or belongs to all of them, is the same for every copy.
        since = block.first if column == "context_id" else block.first - WINDOW * block.size
        return f"CASE WHEN t.{column} >= {since} THEN t.{column} + k.n * {block.size} ELSE t.{column} END"
    if column in _TEXTS.get(table, ()):
        return f"replace(t.{column}, '{number_of(PERIOD)}', {digits})"
    if column == "name" and table == "Execution":
        return "t.name || '-' || k.n"
    if column == "external_id" and table in ("Artifact", "Execution"):
        return "x.value"
    if column == "int_value" and table.endswith("Property"):
        return "CASE WHEN t.name = 'span' THEN t.int_value + k.n ELSE t.int_value END"
    if column.endswith("_since_epoch"):
        return f"t.{column} + k.n * CAST({_HOUR} AS BIGINT)"
    return f"t.{column}"


def _columns(connection: Any, table: str) -> list[str]:
    found = connection.execute(f"SELECT * FROM {table} LIMIT 0")
    return [column[0] for column in found.description]


def _set_sequences(connection: Any) -> None:
    for table in ("Artifact", "Execution", "Event", "Context", "Association", "Attribution"):
        connection.execute(
            f"SELECT setval(pg_get_serial_sequence('{table.lower()}', 'id'), (SELECT max(id) FROM {table}))"
        )


def timed_build(url: str, executions: int) -> tuple[int, float]:
    """`build`, and the seconds it took."""
    began = time.perf_counter()
    return build(url, executions), time.perf_counter() - began
