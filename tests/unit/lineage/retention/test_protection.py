"""What retention never touches."""

from pipeline_lib.lineage.retention.protection import ancestors, protected_ids
from unit.lineage.conftest import Audited


def test_whatever_a_pushed_model_was_made_from_and_its_verdicts(audited: Audited) -> None:
    found = protected_ids(audited.store)
    first, refused, last = audited.made("Model")
    assert {first.id, last.id} <= found
    assert refused.id not in found
    assert {one.id for one in audited.made("Examples")} <= found
    blessings = audited.made("ModelBlessing")
    assert {blessings[0].id, blessings[2].id} <= found
    assert blessings[1].id not in found


def test_only_what_serves_now_if_so_asked(audited: Audited) -> None:
    found = protected_ids(audited.store, served="now")
    first, _, last = audited.made("Model")
    assert last.id in found
    assert first.id not in found


def test_a_planted_cycle_ends(audited: Audited) -> None:
    model = audited.made("Model")[0]
    (made,) = audited.store.producers([model.id])

    class Planted:
        def producers(self, _: object) -> object:
            from dataclasses import replace

            return [replace(made, inputs={"examples": (model,)})]

    assert ancestors(Planted(), [model.id]) == {model.id}  # type: ignore[arg-type]
