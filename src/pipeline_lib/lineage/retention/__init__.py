"""Which payloads may be deleted, and which a served or pinned model was made from."""
