"""The components every pipeline starts from: ingest to push."""
