"""DOT and SVG."""

from dataclasses import replace
from xml.etree import ElementTree

from pipeline_lib.lineage import downstream, upstream
from pipeline_lib.lineage.drawing.pictures import dot, svg
from unit.lineage.conftest import Audited

NASTY = '"]; x -> y <script>&\n\x1b[0m\\'


def test_a_picture_has_every_box_and_every_line(audited: Audited) -> None:
    found = upstream(audited.store, audited.made("Model")[2:])
    root = ElementTree.fromstring(svg(found))
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f".//{space}rect")) == len(found.artifacts) + len(found.executions)
    assert len(root.findall(f".//{space}path")) == 5
    assert "train.model" in svg(found)


def test_a_graph_has_every_line(audited: Audited) -> None:
    text = dot(downstream(audited.store, audited.made("Examples")[:1]))
    assert text.startswith("digraph lineage {\n")
    assert text.count(" -> ") > 10


def test_no_name_is_markup_or_syntax(audited: Audited) -> None:
    found = upstream(audited.store, audited.made("Model")[:1])
    nasty = replace(found.artifacts[0], node=NASTY, type_name=NASTY)
    drawn = replace(found, artifacts=(nasty, *found.artifacts[1:]))
    ElementTree.fromstring(svg(drawn))
    assert "<script" not in svg(drawn)
    label = next(line for line in dot(drawn).splitlines() if line.startswith(f"  a{nasty.id} ["))
    assert label.count('"') - label.count('\\"') == 4
    assert "\x1b" not in dot(drawn) + svg(drawn)
