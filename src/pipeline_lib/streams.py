"""Standard streams that whoever started the command has closed."""

import os
import sys
from pathlib import Path


def open_missing_streams() -> None:
    """Put `/dev/null` in the place of each closed one.

    Python leaves None there, and the next file that is opened (the metadata store's) would get its number:
    what a library then writes to standard error would go into that file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115  for good
            setattr(sys, name, nowhere)
