"""Imports third-party modules in the host, and keeps it answering while it does."""

import gc
import importlib
import importlib.abc
import itertools
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_POLL_SECONDS = 0.05
_QUICK = frozenset({"fsspec", "numpy", "pandas", "pyarrow"})
"""Imported in half a second together; everything that stands on TensorFlow or Beam takes several."""
_COMPANIONS = {
    "pyarrow": (
        "pyarrow.dataset",
        "pandas",
        "fsspec.implementations.local",
        "pipeline_lib.beam.files",
        "pipeline_lib.dsl.execution",
    )
}
"""What a module imports only when it is used, by its distribution's name (`pa.array` asks for pandas), and
what of ours every body calls that reads Parquet. Each child would pay for it, 0.3 s for pyarrow's."""


def is_quick(modules: Iterable[str]) -> bool:
    """Whether all of that is imported within a second: nobody should wait for TensorFlow to get pandas."""
    return all(module.partition(".")[0] in _QUICK for module in modules)


def with_companions(modules: Iterable[str]) -> tuple[str, ...]:
    """The modules, each once, and after them what they will import when they are used."""
    named = dict.fromkeys(modules)
    more = [_COMPANIONS.get(name.partition(".")[0], ()) for name in named]
    return tuple(named | dict.fromkeys(itertools.chain.from_iterable(more)))


class Preloader:
    """A queue of modules to import.

    One thread does everything in the host, because only a process of one thread forks safely. So that
    clients are answered during the ten seconds an import can take, a finder that finds nothing looks at
    the sockets whenever a further module is asked for.
    """

    def __init__(self, poll: Callable[[], None]) -> None:
        self.loaded: list[str] = []
        self.failed: dict[str, str] = {}
        self.importing: str | None = None
        self._queue: deque[str] = deque()
        self._poll = poll

    @property
    def pending(self) -> tuple[str, ...]:
        """Modules still to be imported, the one being imported first."""
        return (*([self.importing] if self.importing else []), *self._queue)

    def add(self, modules: Iterable[str]) -> None:
        """Import these too, after those already in the queue."""
        known = {*self.loaded, *self.failed, *self.pending}
        self._queue.extend(name for name in with_companions(modules) if name not in known)

    def hurry(self, modules: Iterable[str]) -> None:
        """Import these before the rest of the queue: somebody waits for them."""
        wanted = with_companions(modules)
        self.add(wanted)
        waiting = set(self._queue)
        first = [name for name in wanted if name in waiting]
        self._queue = deque([*first, *(name for name in self._queue if name not in first)])

    def has(self, modules: Iterable[str]) -> bool:
        """Whether nothing of that is still to be imported; a module that failed will not come."""
        return not set(with_companions(modules)) & set(self.pending)

    def step(self) -> None:
        """Import the next module of the queue."""
        name = self._queue.popleft()
        self.importing = name
        finder = _PollingFinder(self._poll)
        sys.meta_path.insert(0, finder)
        gc.disable()
        try:
            self._poll()  # for a SIGTERM of just before: from here on the handler itself ends the import
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  the child that needs it will report it in full
            self.failed[name] = f"{type(error).__name__}: {error}"
        else:
            self.loaded.append(name)
        finally:
            self.importing = None
            sys.meta_path.remove(finder)
            # What is frozen is not visited by a child's collector, and so its pages stay shared.
            gc.freeze()
            gc.enable()


class _PollingFinder(importlib.abc.MetaPathFinder):
    def __init__(self, poll: Callable[[], None]) -> None:
        self._poll = poll
        self._last = time.monotonic()
        self._polling = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        del fullname, path, target
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and not self._polling and time.monotonic() - self._last > _POLL_SECONDS:
            self._polling = True
            try:
                self._poll()
            finally:
                self._polling = False
                self._last = time.monotonic()
        return None


def why_not_fork(threads: int, limit: int) -> str | None:
    """Why a fork now would give children that hang, or None.

    A TensorFlow op in the host starts thread pools; a forked child has their locks but not their threads,
    and Keras waits for them for ever. Imports alone start none.
    """
    if tensorflow_has_run(sys.modules):
        return "TensorFlow has executed an op in the host: a forked child would wait for its threads for ever"
    if threads > limit:
        return f"the host has {threads} threads, more than the {limit} that imports alone may leave behind"
    return None


def tensorflow_has_run(modules: dict[str, Any]) -> bool:
    """Whether TensorFlow's eager context has been initialised, which the first op does."""
    module = modules.get("tensorflow.python.eager.context")
    context = getattr(module, "_context", None)
    return bool(getattr(context, "_initialized", False))
