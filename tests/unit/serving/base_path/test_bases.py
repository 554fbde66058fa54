"""How refusals of a base path are told."""

import errno

import pytest

from pipeline_lib.errors import PushFailedError
from pipeline_lib.serving.base_path.bases import busy, parsed_ledger, refused
from pipeline_lib.serving.base_path.ledger import Ledger


def test_an_error_of_the_file_system_names_the_base_path() -> None:
    with pytest.raises(PushFailedError, match="refused a write: No space left on device") as failed:
        with refused("/models/m"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert failed.value.at == "/models/m"


def test_a_ledger_that_is_none_says_where_it_lies() -> None:
    assert parsed_ledger(Ledger().to_text(), "/models/m") == Ledger()
    with pytest.raises(PushFailedError, match="is damaged") as failed:
        parsed_ledger("{}", "/models/m/.push/ledger.json")
    assert failed.value.at == "/models/m/.push/ledger.json"


def test_who_waited_in_vain_is_told_for_how_long() -> None:
    assert "not ended after 0.5 s" in busy("/models/m", 0.5).summary
