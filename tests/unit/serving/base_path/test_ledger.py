"""The ledger: what it says of versions survives being written, and nothing else is taken for it."""

from pathlib import Path

import pytest

from pipeline_lib.serving.base_path.content import Content
from pipeline_lib.serving.base_path.ledger import Block, Ledger, Place, new_entry


def entry_of(digest: str) -> Content:
    return Content(digest=digest, sizes={})


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    for version in (5, 6, 7):
        made = made.having(version, new_entry(entry_of(f"d{version}"), {"id": version})).living(version)
    return made


def test_it_is_read_as_it_was_written(ledger: Ledger) -> None:
    block = Block(version=7, reason="r", user="u", at="t")
    full = ledger.placing([7], Place.WITHDRAWN).begun("push", 8, "ann")
    full = Ledger(
        entries=full.entries,
        labels=full.labels,
        lived=full.lived,
        blocked={"d7": block},
        pending=full.pending,
        unrecorded=({"action": "rollback", "version": 6},),
    )
    assert Ledger.from_text(full.to_text()) == full


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"entries": {"x": {}}}', '{"entries": {"1": {"place": "no"}}}']
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Ledger.from_text(text)


def test_what_is_gone_or_blocked_is_not_gone_back_to(ledger: Ledger) -> None:
    assert (ledger.live, ledger.previous) == (7, 6)
    assert ledger.placing([6], Place.REMOVED).previous == 5
    assert ledger.placing([6], Place.WITHDRAWN).previous == 6


def test_a_server_of_others_is_taken_over(tmp_path: Path) -> None:
    del tmp_path
    assert Ledger().adopting([3, 9]).live == 9
    assert Ledger().adopting([]).live is None
    staged = Ledger().having(9, new_entry(entry_of("d"), {}))
    assert staged.adopting([3, 9]).live == 3
