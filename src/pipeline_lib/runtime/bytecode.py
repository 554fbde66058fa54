"""Compiled bytecode that may be that of an earlier source than the one beside it."""

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path


def forget_doubtful(sources: Iterable[str]) -> None:
    """Remove bytecode that Python might take for a source's although it is of an earlier one.

    Python compares sizes, and times of modification in whole seconds. An edit within one second, or one that
    keeps the time (`cp -p`, `rsync -t`), would then run the old code under the new cache key. The time of
    change cannot be set: bytecode counts if it was written after it. What cannot be removed stays.

    Args:
        sources: Paths of modules.
    """
    for source in sources:
        compiled = Path(importlib.util.cache_from_source(source))
        try:
            if compiled.stat().st_mtime_ns <= os.stat(source).st_ctime_ns:  # noqa: PTH116
                compiled.unlink()
        except OSError:
            continue
