"""Cards and lines of a diagram."""

from dataclasses import replace

import pytest

from pipeline_lib.lineage.queries.graph import upstream
from pipeline_lib.lineage.web.diagram import Card, Diagram, diagram_of, diagram_of_lineage
from unit.lineage.conftest import Audited


def cards(picture: Diagram) -> dict[str, Card]:
    return {card.title: card for card in picture.cards}


def test_the_executions_of_a_node_share_a_card(audited: Audited) -> None:
    last = audited.made("Model")[-1]
    found = cards(diagram_of_lineage(upstream(audited.store, [last])))
    assert set(found) == {"ingest", "train"}
    assert found["ingest"].note == "2 executions"
    assert [row.text for row in found["ingest"].rows] == ["2 Examples"]
    assert found["ingest"].rows[0].href.startswith("/artifacts?type=Examples")
    assert [(row.text, row.marked) for row in found["train"].rows] == [(f"Model {last.id}", True)]


def test_a_run_is_drawn_from_makers_to_users_and_over_resolvers(audited: Audited) -> None:
    run = audited.made("Model")[-1].run_id
    executions = audited.store.run_executions(run)
    picture = diagram_of(executions)
    found = cards(picture)
    order = [found[name].x for name in ("ingest", "rolling_window", "train", "judge", "serve")]
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    assert len(picture.lines) >= 5
    assert all(line.startswith("M") for line in picture.lines)


def test_a_state_of_several_is_said_only_if_it_is_one(audited: Audited) -> None:
    executions = [
        execution
        for model in audited.made("Model")
        for execution in audited.store.run_executions(model.run_id)
        if execution.key.node == "ingest"
    ]
    assert cards(diagram_of(executions))["ingest"].state in ("complete", "mixed")
    assert diagram_of([]).cards == ()


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("compute_statistics", True),
        ("validate_examples", True),
        ("ingest_weather", True),
        ("i" * 25, True),
        ("W" * 25, False),
        ("\N{CJK UNIFIED IDEOGRAPH-6A21}" * 25, False),
    ],
)
def test_a_name_stays_on_its_card(audited: Audited, name: str, whole: bool) -> None:
    (made,) = audited.store.producers([audited.made("Model")[0].id])
    (card,) = diagram_of([replace(made, key=replace(made.key, node=name))]).cards
    assert (card.title == name) is whole
    assert whole or card.title.endswith("…")


@pytest.mark.parametrize(
    ("width", "fit"), [(960.0, ""), (961.0, "shrunk"), (1536.0, "shrunk"), (1537.0, "scrolled")]
)
def test_a_wide_picture_stays_readable(width: float, fit: str) -> None:
    assert Diagram(width=width, height=100.0, cards=(), lines=()).fit == fit
