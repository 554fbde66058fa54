"""What a rollback, a promotion and a label make of the ledger."""

import pytest

from pipeline_lib.errors import NoSuchVersionError
from pipeline_lib.serving.base_path.ledger import Entry, Ledger, Place
from pipeline_lib.serving.push import moves

WHERE = {"name": "delays", "at": "/models/delays"}


@pytest.fixture
def three() -> Ledger:
    """Versions 1, 2 and 3 went live one after the other."""
    ledger = Ledger(entries={one: Entry(digest=f"d{one}", pushed_at="") for one in (1, 2, 3)})
    return ledger.living(1).living(2).living(3)


def test_a_rollback_goes_to_what_was_live_before(three: Ledger) -> None:
    assert moves.destination(three, None, **WHERE) == 2
    after = moves.moved(three, 2, "rollback", reason="alarms", user="ann")
    assert (after.live, after.at(Place.WITHDRAWN)) == (2, [3])
    assert {digest: block.version for digest, block in after.blocked.items()} == {"d3": 3}
    assert moves.destination(after, None, **WHERE) == 1


def test_a_promotion_clears_the_block_of_what_it_makes_live(three: Ledger) -> None:
    back = moves.moved(three, 2, "rollback", reason="", user="")
    again = moves.moved(back, 3, "promote", reason="", user="")
    assert (again.live, again.blocked) == (3, {})
    assert moves.moved(three, 1, "promote", reason="", user="").blocked == {}


def test_a_canary_stays_in_sight_when_an_older_version_goes_live(three: Ledger) -> None:
    ledger = moves.labelled(three.living(1), "canary", 3, **WHERE)
    after = moves.moved(ledger, 2, "promote", reason="", user="")
    assert after.at(Place.WITHDRAWN) == []
    assert after.labels == {"stable": 2, "canary": 3}


def test_a_label_needs_a_version_that_is_kept(three: Ledger) -> None:
    removed = three.placing([1], Place.REMOVED)
    with pytest.raises(NoSuchVersionError, match="version 1 of delays is not there"):
        moves.labelled(removed, "canary", 1, **WHERE)
    withdrawn = three.placing([1], Place.WITHDRAWN)
    assert moves.labelled(withdrawn, "canary", 1, **WHERE).at(Place.PRESENT) == [1, 2, 3]
    assert moves.labelled(three, "canary", None, **WHERE) == three


def test_a_block_ends_by_its_version_or_with_all(three: Ledger) -> None:
    back = moves.moved(three, 2, "rollback", reason="", user="")
    back = moves.moved(back, 1, "rollback", reason="", user="")
    after, cleared = moves.unblocked(back, 2, **WHERE)
    assert (cleared, [block.version for block in after.blocked.values()]) == ([2], [3])
    assert moves.unblocked(back, None, **WHERE)[1] == [2, 3]
    with pytest.raises(NoSuchVersionError, match="version 1 of delays is not blocked"):
        moves.unblocked(back, 1, **WHERE)
