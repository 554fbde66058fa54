"""A metadata store with a long history: some runs recorded through `Store`, then copied row by row in SQL.

A hundred executions take a second through `Store`, a hundred thousand an hour; as rows of ML Metadata's own
tables they take a minute. Copies are shifted ids and longer names; contexts of a pipeline and of its nodes
are shared by all copies, because it is their length that a slow look-up would feel.
"""

from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from pipeline_lib.caching import KeyParts, cache_key
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, Run, State, StoredArtifact
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import ArtifactType, CodeRef, PropertyType

PIPELINE = "nightly"
NODES = 10
RECORDED = 100
EXAMPLES = ArtifactType(
    code=CodeRef(module="pipeline_lib.artifacts.standard", qualname="Examples"),
    base_type="Dataset",
    properties={"span": PropertyType(kind="int"), "split_names": PropertyType(kind="json")},
)
_IDS = {"execution_id": "Execution", "artifact_id": "Artifact", "context_id": "Context", "event_id": "Event"}
_TABLES = {
    "Execution": ("id",),
    "ExecutionProperty": ("execution_id",),
    "Artifact": ("id",),
    "ArtifactProperty": ("artifact_id",),
    "Context": ("id",),
    "ContextProperty": ("context_id",),
    "Event": ("id", "artifact_id", "execution_id"),
    "EventPath": ("event_id",),
    "Association": ("id", "context_id", "execution_id"),
    "Attribution": ("id", "context_id", "artifact_id"),
}


def parts_of(node: int, run: int) -> KeyParts:
    """What the cache key of a node of a run is made of; each run's differs from all others."""
    return KeyParts(
        component=f"components.step:step_{node}",
        files={f"components/step_{node}/{name}.py": f"{name}{node}" * 16 for name in ("a", "b", "c")},
        distributions={"numpy": "1.26.4", "pyarrow": "10.0.1"},
        parameters={"steps": 1000, "run": run},
    )


def execution_of(node: int, run: int, run_id: str, inputs: tuple[StoredArtifact, ...]) -> NewExecution:
    """A try at a node, with the facts that the launcher records."""
    parts = parts_of(node, run)
    return NewExecution(
        key=NodeKey(pipeline=PIPELINE, run_id=run_id, node=f"step_{node}"),
        type_name=f"components.step.step_{node}",
        cache_key=cache_key(parts),
        inputs={"examples": inputs} if inputs else {},
        parameters={"steps": 1000, "run": run},
        facts={
            "cache_parts": parts.as_json(),
            "environment_digest": "e" * 64,
            "git_commit": "c" * 40,
            "git_dirty": False,
            "host": "worker-1",
            "user": "nightly",
            "pid": 4711,
            "try": 1,
        },
    )


def output_of(node: int, run_id: str) -> NewArtifact:
    """What a node of a run puts out."""
    return NewArtifact(
        type_name="Examples",
        uri=f"/artifacts/{PIPELINE}/step_{node}/{run_id}",
        digest="d" * 64,
        size_bytes=1_000_000,
        properties={"span": 1, "split_names": ["train", "eval"]},
    )


def publish(store: Store, node: int, run: int, run_id: str, *inputs: StoredArtifact) -> StoredArtifact:
    """Record a try and its output."""
    execution = execution_of(node, run, run_id, inputs)
    outputs = store.complete(
        store.start(execution), execution.key, {"examples": [output_of(node, run_id)]}, {"wall_seconds": 1.5}
    )
    return outputs["examples"][0]


def open_run(store: Store, run_id: str) -> None:
    """Record that a run starts."""
    store.register_types({"Examples": EXAMPLES})
    store.open_run(Run(pipeline=PIPELINE, run_id=run_id, state=State.RUNNING, span="2026-01-01"))


def write_history(url: str, executions: int) -> None:
    """Fill a fresh store.

    Args:
        url: As `open_store` takes it.
        executions: A multiple of `RECORDED`.
    """
    with open_store(url) as store:
        for run in range(RECORDED // NODES):
            open_run(store, f"run-{run}")
            made: tuple[StoredArtifact, ...] = ()
            for node in range(NODES):
                made = (publish(store, node, run, f"run-{run}", *made),)
            run_ended = Run(pipeline=PIPELINE, run_id=f"run-{run}", state=State.COMPLETE, span="2026-01-01")
            store.close_run(replace(run_ended, facts={"host": "worker-1"}))
    if executions > RECORDED:
        _copy(url, executions // RECORDED - 1)


def _copy(url: str, copies: int) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    metadata = sa.MetaData()
    metadata.reflect(engine)
    tables = {table.name.lower(): table for table in metadata.tables.values()}
    with engine.begin() as connection:
        context, kind = tables["context"], tables["type"]
        named = sa.select(kind.c.id).where(kind.c.name.in_(["pipeline_run", "execution_cache"]))
        kinds = connection.execute(named).scalars().all()
        copied = connection.execute(sa.select(context.c.id).where(context.c.type_id.in_(kinds)))
        own = sorted(copied.scalars().all())
        last = {
            name: connection.execute(sa.select(sa.func.max(tables[name.lower()].c.id))).scalar_one()
            for name, keys in _TABLES.items()
            if "id" in keys
        }
        numbers = sa.select(sa.literal(1).label("k")).cte("numbers", recursive=True)
        numbers = numbers.union_all(sa.select(numbers.c.k + 1).where(numbers.c.k < copies))
        for name in _TABLES:
            table = tables[name.lower()]
            columns = [_copied(name, column, numbers.c.k, last, own) for column in table.c]
            rows = sa.select(*columns).select_from(table.join(numbers, sa.true()))
            if name in ("Context", "ContextProperty"):
                rows = rows.where(table.c["id" if name == "Context" else "context_id"].in_(own))
            connection.execute(table.insert().from_select([column.name for column in table.c], rows))
            if engine.dialect.name == "postgresql" and "id" in table.c:
                sequence = sa.func.pg_get_serial_sequence(table.name, "id")
                connection.execute(sa.select(sa.func.setval(sequence, sa.func.max(table.c.id))))
    if engine.dialect.name == "postgresql":  # as its own housekeeping would, had the rows come day by day
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
    engine.dispose()


def _copied(
    table: str, column: sa.Column[object], k: sa.ColumnElement[int], last: dict[str, int], own: list[int]
) -> sa.ColumnElement[object]:
    """A column of the k-th copy of a row."""
    target = table if column.name == "id" else _IDS.get(column.name)
    if target == "Context" and table != "Context":
        shifted = column + k * last["Context"]
        return sa.case((column.in_(own), shifted), else_=column)
    if target is not None:
        return column + k * last[target]
    if column.name in ("name", "external_id", "uri") and not table.endswith("Property"):
        return column + sa.literal("-") + sa.cast(k, sa.Text)
    return column


def sqlite_url(file: Path) -> str:
    """Of a store in one file."""
    return f"sqlite:///{file}"
