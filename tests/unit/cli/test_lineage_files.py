"""`pipeline lineage graph` and `export`, as they are called."""

import json
from xml.etree import ElementTree

from prov.model import ProvDocument

from unit.cli.command import Command


def test_pictures_and_exports(pipeline: Command) -> None:
    pipeline.run("chain")
    assert pipeline("lineage", "graph", "2", "--format", "dot").startswith("digraph lineage {")
    assert pipeline("lineage", "graph", "2", "--format", "svg", "-o", "graph.svg") == ""
    ElementTree.fromstring((pipeline.folder / "graph.svg").read_text())
    events = [
        json.loads(line)
        for line in pipeline("lineage", "export", "2", "--format", "openlineage").splitlines()
    ]
    assert {event["eventType"] for event in events} == {"START", "COMPLETE"}
    found = pipeline("lineage", "export", "2", "--format", "prov")
    assert ProvDocument.deserialize(content=found, format="json").get_records()
    pipeline("lineage", "graph", "2", "-o", "nowhere/graph.txt", code=2)
    assert "[PL909]" in pipeline.error
    pipeline("lineage", "export", "4711", "--format", "prov", code=2)
    assert "[PL901]" in pipeline.error
