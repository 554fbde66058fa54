"""The cache key: pinned, and injective where it must be."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.caching import CodeScan, KeyParts, cache_key, key_parts
from pipeline_lib.errors import KeyValueError
from pipeline_lib.hashing import canonical_json
from pipeline_lib.plan.models import CachePolicy, CodeRef, Node, Options

PARTS = KeyParts(
    component="pipeline_components.train.keras:train",
    files={"delays/model.py": "aa", "pipeline_components/train/keras.py": "bb"},
    distributions={"keras": "3.15.1", "tensorflow": "2.16.2"},
    parameters={"train_steps": 1000, "rate": 0.1, "module": "delays.model", "hidden": [64, 32], "warm": None},
    inputs={"examples": ("d1", "d2"), "schema": ()},
    cache_version=2,
)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def keyed(**parameters: Any) -> str:
    return cache_key(KeyParts(component="m:f", parameters=parameters))


def test_the_key_is_pinned() -> None:
    """A change of this value empties every cache in the world."""
    assert cache_key(PARTS) == ("14c22a00995239129999617ebaf4a10d8976fe13f9bed13259d65fb37572f1e4")
    assert (
        cache_key(KeyParts(component="m:f"))
        == "335930d69f440bb27355ab008a4a3c5d4b6988f46f791211f897d292a0e169e7"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"component": "pipeline_components.train.keras:train2"},
        {"files": {**PARTS.files, "delays/model.py": "ab"}},
        {"files": {**PARTS.files, "delays/losses.py": "cc"}},
        {"files": {"delays/model.py": "bb", "pipeline_components/train/keras.py": "aa"}},
        {"distributions": {**PARTS.distributions, "keras": "3.15.2"}},
        {"parameters": {**PARTS.parameters, "train_steps": 1001}},
        {"parameters": {**PARTS.parameters, "extra": None}},
        {"inputs": {"examples": ("d2", "d1"), "schema": ()}},
        {"inputs": {"examples": ("d1",), "schema": ("d2",)}},
        {"inputs": {"examples": ("d1d2",), "schema": ()}},
        {"cache_version": 3},
        {"contract": 99},
        {"names": {"delays/__init__.py:loss": "delays.losses:mean"}},
    ],
)
def test_every_part_counts(change: dict[str, Any]) -> None:
    record = {**PARTS.as_json(), **change}
    assert cache_key(KeyParts.from_json(record)) != cache_key(PARTS)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(1, True, id="int-or-bool"),
        pytest.param(1, 1.0, id="int-or-float"),
        pytest.param(1, "1", id="int-or-text"),
        pytest.param(None, "null", id="none-or-text"),
        pytest.param(None, False, id="none-or-false"),
        pytest.param([], {}, id="empty-list-or-dict"),
        pytest.param([1, [2]], [[1], 2], id="nesting"),
        pytest.param({"a": "bc"}, {"ab": "c"}, id="moved-boundary"),
        pytest.param(["a,b"], ["a", "b"], id="comma-inside-text"),
        pytest.param('{"a":1}', {"a": 1}, id="json-inside-text"),
        pytest.param([1, 2], [2, 1], id="order-of-a-list"),
        pytest.param("é", "e\u0301", id="composed-or-not"),
        pytest.param(0.0, -0.0, id="signed-zero"),
        pytest.param(0.1 + 0.2, 0.3, id="nearly-equal-floats"),
    ],
)
def test_lookalikes_get_different_keys(a: Any, b: Any) -> None:
    assert keyed(value=a) != keyed(value=b)


@given(plain, plain)
def test_different_values_get_different_keys(a: Any, b: Any) -> None:
    assert (keyed(value=a) == keyed(value=b)) == (canonical_json(a) == canonical_json(b))


@given(st.dictionaries(st.text(), plain, min_size=2, max_size=6), st.randoms())
def test_the_order_of_a_dict_does_not_count(value: dict[str, Any], shuffler: random.Random) -> None:
    names = list(value)
    shuffler.shuffle(names)
    assert keyed(value={name: value[name] for name in names}) == keyed(value=value)


@given(st.lists(st.integers(), min_size=2, max_size=6, unique=True))
def test_the_order_of_a_list_counts(value: list[int]) -> None:
    assert keyed(value=value[::-1]) != keyed(value=value)


@given(st.dictionaries(st.text(), plain, max_size=4))
def test_parts_survive_json(parameters: dict[str, Any]) -> None:
    parts = KeyParts.from_json(PARTS.as_json() | {"parameters": parameters})
    assert KeyParts.from_json(parts.as_json()) == parts


def node(**changes: Any) -> Node:
    return Node(id="train", code=CodeRef(module="m", qualname="f"), **changes)


def test_ignored_parameters_do_not_count() -> None:
    ignoring = node(options=Options(cache=CachePolicy(ignore=("verbose",), version=4)))
    parts = key_parts(ignoring, CodeScan(), {"verbose": True, "steps": 1}, {})
    assert (parts.parameters, parts.cache_version) == ({"steps": 1}, 4)


def test_a_user_module_counts_by_a_name_without_the_project_s_place() -> None:
    code = CodeScan(places={"/home/me/dags/delays/model.py": "delays/model.py"})
    parts = key_parts(
        node(user_modules=("module", "more")),
        code,
        {
            "module": "/home/me/dags/delays/model.py",
            "more": ["delays.x"],
            "note": "/home/me/dags/delays/model.py",
        },
        {},
    )
    assert parts.parameters == {
        "module": "delays/model.py",
        "more": ["delays.x"],
        "note": "/home/me/dags/delays/model.py",
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: "a"}, {"a": {2}}, "\ud800"])
def test_what_has_no_canonical_text_is_refused_by_name(value: Any) -> None:
    with pytest.raises(KeyValueError, match=r"train\.rate cannot enter the cache key"):
        key_parts(node(), CodeScan(), {"rate": value}, {})
