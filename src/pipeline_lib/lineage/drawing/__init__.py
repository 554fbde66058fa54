"""A lineage as text and as pictures."""
