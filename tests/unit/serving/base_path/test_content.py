"""What a directory holds: names and bytes, and what is copied last."""

from collections.abc import Callable
from pathlib import Path

from pipeline_lib.serving.base_path.content import content_of


def test_names_and_bytes_count(made: Callable[[str], Path]) -> None:
    one, two = content_of(made("one")), content_of(made("two"))
    assert one.digest != two.digest
    assert content_of(made("one")) == one
    (made("one") / "variables" / "variables.index").rename(made("one") / "variables" / "other")
    assert content_of(made("one")).digest != one.digest


def test_the_saved_model_is_copied_last(made: Callable[[str], Path]) -> None:
    content = content_of(made("one"))
    assert content.in_order()[-1] == "saved_model.pb"
    assert sorted(content.in_order()) == sorted(content.sizes)
