"""Per-node options."""

from datetime import timedelta

import pytest

from pipeline_lib import Cache
from pipeline_lib.errors import OptionError
from unit.dsl.parts import compiled, ingest, train


def test_options_override_the_decorators() -> None:
    narrowed = train.options(
        id="train_big", retries=5, retry_delay=timedelta(seconds=2), cache=False, memory_mb=512, pool="gpu"
    ).options(retries=6)

    def body() -> None:
        narrowed(ingest.options(cache=Cache(max_age=timedelta(days=1), ignore=("source",)))())

    plan = compiled(body)
    options = plan.node("train_big").options
    assert (options.retries, options.retry_delay_seconds, options.memory_mb) == (6, 2.0, 512)
    assert (options.pool, options.cache.enabled) == ("gpu", False)
    assert plan.node("ingest").options.cache.max_age_seconds == 86400
    assert plan.node("ingest").options.cache.ignore == ("source",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "retries cannot be -1"),
        ({"timeout": timedelta(0)}, "timeout cannot be"),
        ({"cache": Cache(ignore=("stepz",))}, "ignores stepz, which is no parameter"),
        ({"after": ["train"]}, "after= was given 'train'"),
        ({"memory_mb": "much"}, "memory_mb"),
        ({"retries": "3"}, "retries cannot be '3'"),
        ({"cache": "no"}, "cache cannot be 'no'"),
        ({"beam": [1]}, r"beam cannot be \[1\]"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_options_that_make_no_sense(options: dict[str, object], message: str) -> None:
    def body() -> None:
        train.options(**options)(ingest())  # type: ignore[arg-type]

    with pytest.raises(OptionError, match=message):
        compiled(body)
