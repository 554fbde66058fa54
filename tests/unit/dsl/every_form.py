# ruff: noqa: B008  defaults as authors write them
"""One pipeline that uses every form of the language, for the golden plan and the time it takes to compile."""

from datetime import date, timedelta

from pipeline_lib import (
    Cache,
    Examples,
    UserModule,
    either,
    exists,
    exit_handler,
    for_each,
    importer,
    latest,
    latest_blessed,
    not_,
    otherwise,
    pipeline,
    required,
    rolling_window,
    when,
)
from unit.dsl.parts import (
    KerasModel,
    Size,
    Tuning,
    best,
    ensemble,
    ingest,
    judge,
    notify,
    push,
    shard,
    train,
)


def trained_by_region(examples: Examples, regions: tuple[str, ...], tuning: Tuning) -> list[KerasModel]:
    """A sub-pipeline."""
    return [train(examples, region=region, tuning=tuning).model for region in for_each(regions)]


@pipeline(name="every-form", schedule="0 3 * * *", tags=["test"])
def every_form(
    day: date,
    window: int = 7,
    regions: tuple[str, ...] = ("EWR", "JFK"),
    tuning: Tuning = Tuning(),
    size: Size = Size.SMALL,
    force: bool = False,
    uri: str = "/models/first",
) -> None:
    """Everything at once.

    Args:
        day: Which day.
        window: How many days.
    """
    examples = ingest.options(cache=Cache(max_age=timedelta(days=1), ignore=("source",)))(span=day)
    recent = rolling_window(examples, spans=window, minimum=1)
    parts = shard(recent[0]).parts
    for part in for_each(parts):
        inner = train(part, steps=5).model
        with when(inner.accuracy > 0.1):
            judge(inner)
    united = ensemble([importer(KerasModel, uri), *trained_by_region(examples, regions, tuning)])
    trained = train.options(id="train_big", retries=3, timeout=timedelta(hours=1), memory_mb=4096)(
        examples,
        tuning=Tuning(lr=tuning.lr, size=size),
        module=UserModule("flight_delays.model"),
        rates={"a": tuning.lr},
    )
    verdict = judge(trained.model, baseline=latest_blessed(KerasModel, other_than=trained.model))
    with when((verdict.blessed & not_(force)) | (trained.model.accuracy >= 0.9)):
        pushed = push(trained.model)
    with otherwise(size == Size.LARGE):
        second = train(examples).model
    with otherwise():
        third = united
        notify("kept")
    old = best(KerasModel, minimum=0.5)
    with when(exists(old) & (required(old).accuracy > 0.5)):
        judge(required(old), baseline=either(second, None))
    judge(either(third, united), baseline=latest(united))
    with exit_handler():
        notify.options(after=[pushed])("done", model=trained.model)
