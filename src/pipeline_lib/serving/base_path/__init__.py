"""Where the versions of a model lie, and the ledger of all that ever lay there."""
