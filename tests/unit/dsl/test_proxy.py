# ruff: noqa: ARG005, B008, C416, PLC3002, PTH123, SIM115, UP031  every odd way to use a value is the point
"""What recorded values refuse, at the user's own line, and the little they allow."""

import copy
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.dsl.proxy import Proxy
from pipeline_lib.errors import PipelineCodeError, PipelineError, RecordedValueError, UnknownAttributeError
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import KerasModel, Limits, Size, Tuning, compiled, ingest, notify, train


@dataclass(frozen=True)
class Box:
    """What a pipeline body has at hand."""

    day: Any
    n: Any
    text: Any
    flag: Any
    items: Any
    table: Any
    cfg: Any
    model: Any
    examples: Any


def use(action: Callable[[Box], object]) -> None:
    def body(
        day: date,
        n: int = 3,
        text: str = "x",
        flag: bool = False,
        items: tuple[str, ...] = ("a",),
        table: dict[str, float] = {"auc": 0.5},  # noqa: B006
        cfg: Tuning = Tuning(),
    ) -> None:
        examples = ingest(span=day)
        model = train(examples).model
        action(Box(day, n, text, flag, items, table, cfg, model, examples))

    compiled(body)


REFUSED: dict[str, Callable[[Box], object]] = {
    "if": lambda b: 1 if b.flag else 2,
    "and": lambda b: b.flag and b.n,
    "or": lambda b: b.flag or b.n,
    "not": lambda b: not b.flag,
    "chained": lambda b: 1 < b.n < 3,
    "in": lambda b: "a" in b.items,
    "in-list": lambda b: b.n in [1, 2],
    "min": lambda b: min(b.n, 3),
    "sorted": lambda b: sorted([b.n, 2]),
    "for": lambda b: [x for x in b.items],
    "unpack": lambda b: [*b.items],
    "unpack-names": lambda b: (lambda x, y: x)(*b.items),
    "len": lambda b: len(b.items),
    "enumerate": lambda b: list(enumerate(b.items)),
    "zip": lambda b: list(zip(b.items, b.items, strict=True)),
    "sum": lambda b: sum(b.items),
    "any": lambda b: any([b.flag]),
    "reversed": lambda b: reversed(b.items),
    "f-string": lambda b: f"{b.n}",
    "format": lambda b: f"{b.n:03d}",
    "str": lambda b: str(b.n),
    "percent": lambda b: "%s" % b.n,
    "concat": lambda b: "a" + b.text,
    "add": lambda b: b.n + 1,
    "radd": lambda b: 1 + b.n,
    "sub": lambda b: b.day - timedelta(1),
    "mul": lambda b: 2 * b.n,
    "div": lambda b: b.n / 2,
    "floordiv": lambda b: 7 // b.n,
    "mod": lambda b: b.n % 2,
    "pow": lambda b: 2**b.n,
    "divmod": lambda b: divmod(b.n, 2),
    "neg": lambda b: -b.n,
    "abs": lambda b: abs(b.n),
    "round": lambda b: round(b.n),
    "floor": lambda b: math.floor(b.n),
    "shift": lambda b: b.n << 1,
    "xor": lambda b: b.n ^ 1,
    "invert": lambda b: ~b.flag,
    "int": lambda b: int(b.n),
    "float": lambda b: float(b.n),
    "range": lambda b: range(b.n),
    "index": lambda b: ["a"][b.n],
    "dict-key": lambda b: {b.text: 1},
    "set": lambda b: {b.n},
    "lookup": lambda b: {"a": 1}[b.text],
    "path": lambda b: Path(b.text),
    "os-path": lambda b: os.path.join("/", b.text),  # noqa: PTH118
    "open": lambda b: open(b.text),
    "year": lambda b: b.day.year,
    "isoformat": lambda b: b.day.isoformat(),
    "upper": lambda b: b.text.upper(),
    "artifact-path": lambda b: b.model.path,
    "artifact-uri": lambda b: b.model.uri,
    "set-property": lambda b: setattr(b.model, "accuracy", 1.0),
    "delete": lambda b: delattr(b.model, "accuracy"),
    "set-item": lambda b: b.table.__setitem__("auc", 1),
    "call": lambda b: b.model(),
    "slice": lambda b: b.items[1:],
    "item-by-proxy": lambda b: b.items[b.n],
    "text-key-in-list": lambda b: b.items["a"],
    "number-key-in-dict": lambda b: b.table[0],
    "with": lambda b: b.flag.__enter__(),
    "pydantic-model": lambda b: Limits(auc=b.table["auc"]),
    "optional-property": lambda b: b.model.trained_on.year,
}


@pytest.mark.parametrize("action", REFUSED.values(), ids=REFUSED)
def test_refuses_at_the_users_line(action: Callable[[Box], object]) -> None:
    with pytest.raises(RecordedValueError) as caught:
        use(action)
    assert "test_proxy.py" in str(caught.value.at)
    assert not isinstance(caught.value, TypeError)
    assert caught.value.fix


PYTHONS_OWN: dict[str, Callable[[Box], object]] = {
    "join": lambda b: ",".join([b.text]),
    "json": lambda b: json.dumps(b.n),
    "double-star": lambda b: dict(**b.table),
    "replace": lambda b: replace(b.cfg, lr=1.0),
}


@pytest.mark.parametrize("action", PYTHONS_OWN.values(), ids=PYTHONS_OWN)
def test_pythons_own_complaints_get_the_users_line(action: Callable[[Box], object]) -> None:
    with pytest.raises((PipelineCodeError, PipelineError)) as caught:
        use(action)
    assert "test_proxy.py" in str(caught.value.at)


UNKNOWN: dict[str, tuple[Callable[[Box], object], str]] = {
    "property": (lambda b: b.model.acuracy, "did you mean accuracy?"),
    "field": (lambda b: b.cfg.sise, "did you mean size?"),
    "port": (lambda b: b.examples.examples, "use one of: span, version, split_names, rows, columns"),
    "attribute-of-int": (lambda b: b.n.whatever, "check its type"),
    "item-of-int": (lambda b: b.n[0], "check its type"),
}


@pytest.mark.parametrize(("action", "fix"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_attributes(action: Callable[[Box], object], fix: str) -> None:
    with pytest.raises(UnknownAttributeError, match="has no") as caught:
        use(action)
    assert caught.value.fix == fix


def test_harmless_uses() -> None:
    def action(b: Box) -> None:
        assert repr(b.model) == "<train.model>"
        assert copy.copy(b.model) is b.model
        assert copy.deepcopy({"m": b.model})["m"] is b.model
        assert not hasattr(b.model, "acuracy")
        assert type(b.n) is Proxy
        assert [b.n].index  # a list of them is an ordinary list

    use(action)


def test_parts_carry_path_and_type() -> None:
    def body(
        day: date,
        cfg: Tuning = Tuning(),
        limits: dict[str, float] = {"auc": 0.1},  # noqa: B006
        regions: tuple[str, ...] = ("EWR",),
    ) -> None:
        examples = ingest(span=day, source=regions[0])
        one = train(examples, tuning=Tuning(lr=limits["auc"], size=cfg.size), region=regions[0])
        train(examples, rates={"a": limits["auc"], "b": one.model.scores["x"]})

    plan = compiled(body)
    auc = ex.FromParameter(name="limits", path=("auc",))
    assert plan.node("ingest").parameters["source"] == ex.FromParameter(name="regions", path=(0,))
    assert plan.node("train").parameters["tuning"] == ex.Struct(
        fields={"lr": auc, "size": ex.FromParameter(name="cfg", path=("size",))}
    )
    model = ex.FromOutput(node="train", port="model")
    assert plan.node("train_2").parameters["rates"] == ex.Struct(
        fields={"a": auc, "b": ex.FromProperty(artifact=model, name="scores", path=("x",))}
    )


def test_no_name_of_the_users_clashes() -> None:
    assert [name for name in vars(Proxy) if not name.startswith("_")] == []
    assert KerasModel.property_specs()


def test_type_errors_show_both_types() -> None:
    def body(n: int = 3, size: Size = Size.SMALL) -> None:
        notify(n)  # type: ignore[arg-type]

    with pytest.raises(PipelineError, match=r"notify\.text cannot be <n>") as caught:
        compiled(body)
    assert caught.value.facts == {"needs": "str", "got": "int"}
