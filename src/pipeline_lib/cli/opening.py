"""Opening what a command asks of, with errors reported in the house's form."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline_lib.cli.console import reported
from pipeline_lib.settings import load_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline_lib.metadata.store import Store


@contextmanager
def opened_store(profile: str | None, *, as_json: bool) -> "Iterator[Store]":
    """The metadata store of a profile."""
    from pipeline_lib.metadata.mlmd import open_store

    with reported(as_json=as_json), open_store(load_profile(profile).metadata) as store:
        yield store
