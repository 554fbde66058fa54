# ruff: noqa: B018  an attribute that does not exist is the point
"""Wrong wires, one a line: mypy must reject each (an `ignore` that nothing needs is an error, too).

Read by mypy and basedpyright in test_typing.py, never imported.
"""

from datetime import date

from pipeline_lib import (
    Examples,
    Model,
    Pipeline,
    either,
    exists,
    for_each,
    latest_blessed,
    not_,
    otherwise,
    pipeline,
    required,
    rolling_window,
    when,
)
from pipeline_lib.dsl.resolvers import History
from pipeline_lib.runtime.resolution import StoreHistory
from unit.dsl.parts import KerasModel, Size, best, ensemble, ingest, judge, notify, push, shard, train


@pipeline(name="bad")
def bad(day: date, n: int = 3, size: Size = Size.SMALL, force: bool = False) -> None:
    examples = ingest(span=day)
    trained = train(examples)
    verdict = judge(trained.model)
    old = latest_blessed(KerasModel)

    train(trained.model)  # type: ignore[arg-type]
    train(trained)  # type: ignore[arg-type]
    train([examples])  # type: ignore[arg-type]
    train()  # type: ignore[call-arg]
    train(examples, stepz=3)  # type: ignore[call-arg]
    train(examples, steps="3")  # type: ignore[arg-type]
    train(examples, steps=day)  # type: ignore[arg-type]
    train(examples, mode="medium")  # type: ignore[arg-type]
    ingest(day)  # type: ignore[call-arg]
    judge(examples)  # type: ignore[arg-type]
    push(old)  # type: ignore[arg-type]
    train(shard(examples).rejected)  # type: ignore[arg-type]
    train(shard(examples).parts)  # type: ignore[arg-type]
    ensemble(trained.model)  # type: ignore[arg-type]
    ensemble([examples])  # type: ignore[list-item]
    trained.modle  # type: ignore[attr-defined]
    _a, _b, _c = trained  # type: ignore[misc]
    verdict.blest  # type: ignore[attr-defined]
    old.accuracy  # type: ignore[union-attr]
    train.options(retry=3)  # type: ignore[call-arg]
    notify(n)  # type: ignore[arg-type]
    rolling_window(examples, span=3)  # type: ignore[call-arg]
    best(3)  # type: ignore[arg-type]
    best(int)  # type: ignore[type-var]
    with when(trained.model):  # type: ignore[arg-type]
        push(trained.model)
    with when(n):  # type: ignore[arg-type]
        push(trained.model)
    with when(trained.model.accuracy > "x"):  # type: ignore[operator]
        push(trained.model)
    with when(verdict.blessed & ~force):  # type: ignore[arg-type]
        push(trained.model)
    with otherwise(size == "small"):  # type: ignore[comparison-overlap]
        push(trained.model)
    if trained.model:  # type: ignore[truthy-bool]
        push(trained.model)
    for _x in for_each(n):  # type: ignore[var-annotated, arg-type]
        push(trained.model)
    KerasModel.new(accuracy="high")  # type: ignore[arg-type]
    KerasModel.new(acuracy=1.0)  # type: ignore[call-arg]
    Examples.new()  # type: ignore[call-arg]


@pipeline(name="good")
def good(day: date, n: int = 3, force: bool = False) -> None:
    """Nothing here needs an ignore, and the types are as written."""
    examples: Examples = ingest(span=day)
    recent: list[Examples] = rolling_window(examples, spans=n)
    trained = train.options(id="x", retries=5)(recent[0], steps=n)
    model: KerasModel = trained.model
    blessed: bool = judge(model, baseline=latest_blessed(KerasModel, other_than=model)).blessed
    found: KerasModel | None = best(KerasModel, minimum=0.5)
    with when((blessed & not_(force)) | (model.accuracy > 0.5)):
        pushed = push(model)
    with otherwise(exists(found)):
        push(required(found))
    told = notify("done", model=either(model, None))
    notify.options(after=[told, pushed])("again")
    models: list[KerasModel] = [train(part).model for part in for_each(recent)]
    base: Model = trained.evaluation
    ensemble([base, *models])


plan_of: Pipeline[..., None] = good


def seen_by_resolvers(history: StoreHistory) -> History:
    """The runtime, which must not import the DSL, has what the DSL promises to resolvers."""
    return history
