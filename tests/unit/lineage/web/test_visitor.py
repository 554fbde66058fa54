"""Who asks."""

from types import SimpleNamespace

import pytest

from pipeline_lib.lineage.web import visitor


def test_nobody_is_admitted_by_default() -> None:
    with pytest.raises(AttributeError, match="visitor"):
        visitor._admitted(SimpleNamespace(state=SimpleNamespace()))  # type: ignore[arg-type]
