"""Loading a user's module, and finding the user's line in an exception."""

import traceback
from pathlib import Path
from types import ModuleType

from pipeline_components.tfx_compat import tfx_names
from pipeline_lib.dsl.parameters import UserModule


def load_user_module(module: str) -> ModuleType:
    """Import a user's module; modules written for TFX need no change.

    Args:
        module: Dotted name, or path of a .py file.
    """
    with tfx_names():
        return UserModule(module).load()


def user_line(error: BaseException, module: ModuleType) -> str:
    """`file:line` of the innermost frame of `error` that lies in the folder of the user's module."""
    file: str | None = getattr(module, "__file__", None)
    if file is None:
        return module.__name__
    folder = Path(file).parent
    found = file
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == file or Path(frame.filename).parent == folder:
            found = f"{frame.filename}:{frame.lineno}"
    return found


def shortened(error: BaseException, limit: int = 400) -> str:
    """What an exception says, without the pages that TensorFlow and Keras may add."""
    text = str(error).strip()
    return text if len(text) <= limit else f"{text[:limit]} ..."
