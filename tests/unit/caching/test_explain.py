"""Why a node is executed, in words a person can act on."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.caching import KeyParts, Reason, cache_key, describe, differences, explain_miss, pending
from pipeline_lib.caching.explain import expired
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NewExecution, NodeKey, Run, State, StoredArtifact
from pipeline_lib.metadata.store import Store

BEFORE = KeyParts(
    component="pipeline_components.train.keras:train",
    files={
        "delays/__init__.py": "0",
        "delays/model.py": "1",
        "pipeline_components/train/_executor.py": "2",
        "pipeline_components/train/keras.py": "3",
        "other/model.py": "4",
    },
    distributions={"tensorflow": "2.16.2"},
    parameters={"train_steps": 1000, "tuning": {"lr": 0.1, "deep": {"width": 3}}, "hidden": [64, 32]},
    inputs={"examples": ("d" * 64,), "schema": ("e" * 64,)},
)


def changed(**changes: Any) -> KeyParts:
    record = BEFORE.as_json()
    for name, value in changes.items():
        record[name] = {**record.get(name, {}), **value} if isinstance(value, dict) else value
    return KeyParts.from_json(record)


def without(part: str, name: str) -> KeyParts:
    record = BEFORE.as_json()
    del record[part][name]
    return KeyParts.from_json(record)


def artifact(digest: str, node: str) -> StoredArtifact:
    return StoredArtifact(
        id=7, type_name="Examples", uri="x", digest=digest, node=node, created_at=datetime.now(UTC)
    )


Explain = Callable[..., Reason]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path_factory.mktemp('explain') / 'metadata.sqlite'}") as store:
        yield store


@pytest.fixture
def reason(store: Store, request: pytest.FixtureRequest) -> Explain:
    """Explains a key to a store in which the node ran with others before, oldest first."""
    pipeline = request.node.name

    def explained(*history: KeyParts, after: KeyParts, **options: Any) -> Reason:
        for number, parts in enumerate(history):
            key = NodeKey(pipeline=pipeline, run_id=f"{pipeline}-{number}", node="train")
            store.open_run(Run(pipeline=pipeline, run_id=key.run_id, state=State.RUNNING))
            new = NewExecution(
                key=key,
                type_name="train",
                cache_key=f"{pipeline}{number}",
                inputs={},
                parameters={},
                facts={"cache_parts": parts.as_json()},
            )
            store.complete(store.start(new), key, {}, {})
        return explain_miss(store, after, pipeline=pipeline, node="train", **options)

    return explained


@pytest.mark.parametrize(
    ("after", "kind", "text"),
    [
        pytest.param(
            changed(files={"delays/model.py": "9"}),
            "source",
            "delays/model.py changed",
            id="file-of-two-alike",
        ),
        pytest.param(
            changed(files={"pipeline_components/train/keras.py": "9"}),
            "source",
            "keras.py changed",
            id="file",
        ),
        pytest.param(
            changed(files={"pipeline_components/train/_executor.py": "9"}),
            "source",
            "train/_executor.py changed",
            id="private",
        ),
        pytest.param(
            changed(files={"delays/__init__.py": "9"}), "source", "delays/__init__.py changed", id="package"
        ),
        pytest.param(changed(files={"delays/losses.py": "9"}), "source", "losses.py is new", id="new-file"),
        pytest.param(
            without("files", "pipeline_components/train/keras.py"),
            "source",
            "keras.py is gone",
            id="gone-file",
        ),
        pytest.param(
            changed(parameters={"train_steps": 2000}),
            "parameter",
            "train_steps: 1000 -> 2000",
            id="parameter",
        ),
        pytest.param(
            changed(parameters={"train_steps": 1000.0}), "parameter", "train_steps: 1000 -> 1000.0", id="type"
        ),
        pytest.param(
            changed(parameters={"train_steps": "1000"}), "parameter", 'train_steps: 1000 -> "1000"', id="text"
        ),
        pytest.param(
            changed(parameters={"span": None}), "parameter", "span: absent -> null", id="new-parameter"
        ),
        pytest.param(
            without("parameters", "hidden"), "parameter", "hidden: [64,32] -> absent", id="gone-parameter"
        ),
        pytest.param(
            changed(parameters={"tuning": {"lr": 0.2, "deep": {"width": 3}}}),
            "parameter",
            "tuning.lr: 0.1 -> 0.2",
            id="part",
        ),
        pytest.param(
            changed(parameters={"tuning": {"lr": 0.1, "deep": {"width": 4}}}),
            "parameter",
            "tuning.deep.width: 3 -> 4",
            id="deep-part",
        ),
        pytest.param(
            changed(distributions={"tensorflow": "2.17.0"}),
            "distribution",
            "tensorflow 2.16.2 -> 2.17.0",
            id="lock",
        ),
        pytest.param(
            changed(distributions={"keras": "3"}), "distribution", "keras absent -> 3", id="new-distribution"
        ),
        pytest.param(changed(inputs={"examples": ("f" * 64,)}), "input", "examples changed", id="input"),
        pytest.param(changed(inputs={"schema": ()}), "input", "schema changed", id="input-absent"),
        pytest.param(changed(cache_version=2), "cache_version", "cache version 0 -> 2", id="version"),
        pytest.param(
            changed(contract=2), "cache_version", "version of the library's contract 1 -> 2", id="contract"
        ),
        pytest.param(
            changed(component="a:b"),
            "component",
            "component: pipeline_components.train.keras:train -> a:b",
            id="name",
        ),
    ],
)
def test_the_first_difference_is_named(reason: Explain, after: KeyParts, kind: str, text: str) -> None:
    found = reason(BEFORE, after=after)
    assert (found.kind, found.text) == (kind, text)


def test_the_node_that_made_a_changed_input_is_named(reason: Explain) -> None:
    after = changed(inputs={"examples": ("d" * 64, "f" * 64)})
    inputs = {"examples": [artifact("d" * 64, "ingest"), artifact("f" * 64, "transform")]}
    found = reason(BEFORE, after=after, inputs=inputs)
    assert found.text == "examples changed (transform)"
    assert found.detail[0].after == "dddddddd, ffffffff from transform"


def test_the_nearest_execution_is_compared_not_the_latest(reason: Explain) -> None:
    other_day = changed(parameters={"span": "2013-01-02", "train_steps": 5}, inputs={"examples": ("f" * 64,)})
    found = reason(BEFORE, other_day, after=changed(files={"delays/model.py": "9"}))
    assert [change.name for change in found.detail] == ["delays/model.py"]


def test_of_equally_near_executions_the_newest_is_compared(reason: Explain) -> None:
    history = [changed(parameters={"train_steps": steps}) for steps in (1, 2, 3)]
    found = reason(*history, after=changed(parameters={"train_steps": 4}))
    assert found.text == "train_steps: 3 -> 4"


def test_code_comes_before_data(reason: Explain) -> None:
    after = changed(
        files={"delays/model.py": "9"}, parameters={"train_steps": 1}, inputs={"examples": ("f" * 64,)}
    )
    found = reason(BEFORE, after=after)
    assert [change.kind for change in found.detail] == ["source", "parameter", "input"]
    assert describe(found) == (
        "delays/model.py changed\n"
        "  delays/model.py changed\n"
        "  train_steps: 1000 -> 1\n"
        "  examples: dddddddd -> ffffffff"
    )


def test_several_changes_of_one_kind_are_counted(reason: Explain) -> None:
    after = changed(files={"delays/model.py": "9", "pipeline_components/train/keras.py": "9", "x.py": "1"})
    assert reason(BEFORE, after=after).text == "delays/model.py changed and 2 more"


def test_a_single_change_is_described_in_one_line(reason: Explain) -> None:
    found = reason(BEFORE, after=changed(parameters={"train_steps": 2}))
    assert describe(found) == "train_steps: 1000 -> 2"


def test_an_identical_execution_that_cannot_be_found_has_lost_its_outputs(reason: Explain) -> None:
    found = reason(BEFORE, after=BEFORE)
    assert found.kind == "damaged"


def test_long_values_are_shortened() -> None:
    (change,) = differences(BEFORE, changed(parameters={"train_steps": "x" * 500}))
    assert change.after is not None
    assert len(change.after) < 60


def test_what_waits_for_others_says_for_whom() -> None:
    found = pending({"examples": "transform", "schema": "infer_schema"})
    assert found.kind == "pending"
    assert describe(found) == (
        "depends on what transform, infer_schema will make\n"
        "  examples: made by transform\n"
        "  schema: made by infer_schema"
    )


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=90), "90 s"),
        (timedelta(minutes=90), "90 min"),
        (timedelta(hours=25), "25 h"),
        (timedelta(days=9), "9 d"),
    ],
)
def test_ages_are_told_in_units_of_their_size(age: timedelta, text: str) -> None:
    assert expired(age, timedelta(seconds=1)).text == f"the result is {text} old, 1 s are allowed"


def test_a_reason_is_plain_json() -> None:
    (change,) = differences(BEFORE, changed(cache_version=1))
    found = Reason(kind="cache_version", text="t", detail=(change,))
    assert found.as_json() == {
        "kind": "cache_version",
        "text": "t",
        "detail": [{"kind": "cache_version", "name": "cache version", "before": "0", "after": "1"}],
    }


names = st.sampled_from(["a", "b"])
values = st.recursive(
    st.sampled_from([None, 0, 0.0, -0.0, False, "", "0", "null"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
some_parts = st.builds(
    KeyParts,
    component=names,
    files=st.dictionaries(names, names, max_size=2),
    distributions=st.dictionaries(names, names, max_size=2),
    parameters=st.dictionaries(names, values, max_size=2),
    inputs=st.dictionaries(names, st.lists(names, max_size=2).map(tuple), max_size=2),
    cache_version=st.integers(0, 1),
)


@given(some_parts, some_parts)
def test_keys_differ_exactly_if_a_difference_is_named(old: KeyParts, new: KeyParts) -> None:
    assert (differences(old, new) == ()) == (cache_key(old) == cache_key(new))


@given(some_parts, some_parts)
def test_differences_look_the_same_from_both_sides(old: KeyParts, new: KeyParts) -> None:
    there, back = differences(old, new), differences(new, old)
    assert [(c.kind, c.name, c.before, c.after) for c in there] == [
        (c.kind, c.name, c.after, c.before) for c in back
    ]


def records(*files: tuple[str, int]) -> KeyParts:
    """A driver found these files."""
    return changed(parameters={"found": {"files": [{"name": name, "size": size} for name, size in files]}})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            [("a.csv", 1), ("b.csv", 2)],
            [("a.csv", 9), ("b.csv", 2)],
            [("found.files.a.csv.size", "1", "9")],
            id="changed",
        ),
        pytest.param(
            [("a.csv", 1)],
            [("a.csv", 1), ("b.csv", 2)],
            [("found.files.b.csv", None, '{"name":"b.csv","size":2}')],
            id="one-more",
        ),
        pytest.param(
            [("a.csv", 1), ("b.csv", 2)],
            [("b.csv", 2)],
            [("found.files.a.csv", '{"name":"a.csv","size":1}', None)],
            id="one-less",
        ),
        pytest.param(
            [("a.csv", 1), ("b.csv", 1)],
            [("b.csv", 1), ("a.csv", 1)],
            [("found.files.0.name", "a.csv", "b.csv"), ("found.files.1.name", "b.csv", "a.csv")],
            id="another-order",
        ),
        pytest.param(
            [("a.csv", 1)],
            [("b.csv", 2)],
            [("found.files.0.name", "a.csv", "b.csv"), ("found.files.0.size", "1", "2")],
            id="another-file",
        ),
        pytest.param(
            [("a.csv", 1), ("a.csv", 2)],
            [("a.csv", 1), ("a.csv", 3)],
            [("found.files.1.size", "2", "3")],
            id="of-one-name",
        ),
    ],
)
def test_of_a_list_of_records_what_changed_is_named(
    before: list[tuple[str, int]],
    after: list[tuple[str, int]],
    expected: list[tuple[str, str | None, str | None]],
) -> None:
    found = differences(records(*before), records(*after))
    assert [(change.name, change.before, change.after) for change in found] == expected


def test_records_without_names_are_told_apart_by_place() -> None:
    was, now, longer = (
        changed(parameters={"bins": [{"at": at} for at in bins]}) for bins in ([1, 2], [1, 3], [1])
    )
    assert [change.name for change in differences(was, now)] == ["bins.1.at"]
    assert [change.name for change in differences(was, longer)] == ["bins"]


def test_where_a_package_takes_a_name_from_is_told(reason: Explain) -> None:
    name = "delays/__init__.py:loss"
    before, after = (
        changed(names={name: origin}) for origin in ("delays.losses:mean", "delays.losses:median")
    )
    found = reason(before, after=after)
    assert (found.kind, found.text) == ("name", f"{name}: delays.losses:mean -> delays.losses:median")
