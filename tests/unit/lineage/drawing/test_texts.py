"""Trees and flowcharts."""

from dataclasses import replace

from pipeline_lib.lineage import downstream, mermaid, tree, upstream
from unit.lineage.conftest import Audited


def test_a_tree_goes_from_the_model_to_its_data(audited: Audited) -> None:
    model = audited.made("Model")[2]
    lines = tree(upstream(audited.store, [model]))
    assert lines[0].startswith(f"Model {model.id}  train.model")
    assert [line[:4] for line in lines[1:]] == ["├── ", "└── "]
    assert "span 2013-06-01" in lines[1]


def test_a_forward_tree_names_what_is_above_only_once(audited: Audited) -> None:
    lines = tree(downstream(audited.store, audited.made("Examples")), forward=True)
    assert sum("(see above)" in line for line in lines) == 1


def test_a_flowchart_has_no_markup_from_names(audited: Audited) -> None:
    found = upstream(audited.store, audited.made("Model")[:1])
    nasty = replace(found.artifacts[0], node='"]; click <script>\n%%', type_name="A`#")
    drawn = mermaid(replace(found, artifacts=(nasty, *found.artifacts[1:])))
    assert drawn.startswith("flowchart LR\n")
    label = next(line for line in drawn.splitlines() if line.startswith(f"  a{nasty.id}["))
    assert label.count('"') == 2
    assert "<" not in drawn
    assert "%" not in drawn
