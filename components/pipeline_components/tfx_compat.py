"""Lets a user module written for TFX be loaded, unchanged, where tfx is not installed.

Such modules import from tfx what they annotate with (`FnArgs`, `DataAccessor`) and a helper or two. While
`tfx_names()` is open, those imports find ours; afterwards `sys.modules` is as it was. If tfx is installed,
nothing is redirected.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from pipeline_components.errors import UnknownTfxNameError

_OFFERED = {
    "tfx.components.FnArgs": "fn_args.FnArgs",
    "tfx.components.DataAccessor": "fn_args.DataAccessor",
    "tfx.components.TunerFnResult": "fn_args.TunerFnResult",
    "tfx.components.trainer.executor.TrainerFnArgs": "fn_args.FnArgs",
    "tfx.components.trainer.fn_args_utils.DataAccessor": "fn_args.DataAccessor",
    "tfx.components.trainer.fn_args_utils.FnArgs": "fn_args.FnArgs",
    "tfx.components.tuner.component.TunerFnResult": "fn_args.TunerFnResult",
    "tfx.utils.io_utils.parse_pbtxt_file": "schema_text.parse_pbtxt_file",
    "tfx.v1.components.DataAccessor": "fn_args.DataAccessor",
    "tfx.v1.components.FnArgs": "fn_args.FnArgs",
    "tfx.v1.components.TunerFnResult": "fn_args.TunerFnResult",
    "tfx.v1.utils.parse_pbtxt_file": "schema_text.parse_pbtxt_file",
}


class _Redirected(ModuleType):
    """A stand-in package; names it does not have are told of with the fix."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnknownTfxNameError(
            f"{self.__name__}.{name} is not among the TFX names that user modules may import here",
            offered=", ".join(sorted(key for key in vars(self) if not key.startswith("_"))),
            fix="import it from pipeline_components, or install tfx beside this library",
        )


@contextmanager
def tfx_names() -> Iterator[None]:
    """Make `import tfx...` find our equivalents for the block, if tfx is not installed."""
    if _tfx_is_installed():
        yield
        return
    made = _stand_ins()
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in made:
            sys.modules.pop(name, None)


def _tfx_is_installed() -> bool:
    if "tfx" in sys.modules:
        return True
    spec = importlib.util.find_spec("tfx")
    return spec is not None and spec.origin is not None  # a mere folder named tfx is not the library


def _stand_ins() -> dict[str, ModuleType]:
    made: dict[str, ModuleType] = {}
    for offered, ours in _OFFERED.items():
        path, _, name = offered.rpartition(".")
        home, _, our_name = ours.rpartition(".")
        source = importlib.import_module(f"pipeline_components.train.{home}")
        setattr(_package(path, made), name, getattr(source, our_name))
    return made


def _package(path: str, made: dict[str, ModuleType]) -> ModuleType:
    if path not in made:
        made[path] = _Redirected(path)
        made[path].__path__ = []
        parent, _, name = path.rpartition(".")
        if parent:
            setattr(_package(parent, made), name, made[path])
    return made[path]
