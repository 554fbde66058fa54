"""Look-ups by number."""

import pytest

from pipeline_lib.errors import UnknownRecordError
from pipeline_lib.lineage.web.records import find_execution
from unit.lineage.conftest import Audited


def test_an_execution_is_found_or_told(audited: Audited) -> None:
    assert find_execution(audited.store, 1).id == 1
    for absent in (0, -1, 10**6, 2**63):
        with pytest.raises(UnknownRecordError, match=f"no execution {absent}"):
            find_execution(audited.store, absent)
