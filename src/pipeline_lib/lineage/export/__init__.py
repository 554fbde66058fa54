"""A lineage in the words of other tools: OpenLineage and W3C PROV."""
