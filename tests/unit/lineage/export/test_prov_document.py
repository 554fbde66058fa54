"""PROV-JSON that the prov package reads back."""

import json

from prov.model import ProvActivity, ProvAgent, ProvDocument, ProvEntity, ProvGeneration, ProvUsage

from pipeline_lib.lineage import upstream
from pipeline_lib.lineage.export.prov_document import prov_json
from unit.lineage.conftest import Audited


def test_the_prov_package_reads_it_back(audited: Audited) -> None:
    lineage = upstream(audited.store, audited.made("Model")[2:])
    text = json.dumps(prov_json(lineage))
    document = ProvDocument.deserialize(content=text, format="json")
    count = {
        kind: len(list(document.get_records(kind)))
        for kind in (ProvEntity, ProvActivity, ProvAgent, ProvUsage, ProvGeneration)
    }
    assert count == {
        ProvEntity: len(lineage.artifacts) + 2,
        ProvActivity: len(lineage.executions),
        ProvAgent: 1,
        ProvUsage: 4,
        ProvGeneration: 3,
    }
    assert json.loads(document.serialize(format="json")) == json.loads(text)


def test_a_name_with_signs_stays_text(audited: Audited) -> None:
    found = prov_json(upstream(audited.store, audited.made("Model")[2:]))
    labels = [entity["prov:label"] for entity in found["entity"].values()]
    assert "it's 2%.csv" in labels
