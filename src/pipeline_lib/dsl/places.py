"""The user's own line: where a call was written, and where one of its arguments was."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast

_NOT_THE_USERS = sys.stdlib_module_names | {"pipeline_lib", "pydantic"}


@dataclass(frozen=True, slots=True)
class Place:
    """A point in the user's source.

    Attributes:
        code: Code object that was running.
        instruction: Offset of the instruction in it, in bytes.
        line: Line number, from 1.
        names: What the code's global names mean.
    """

    code: CodeType
    instruction: int
    line: int
    names: Mapping[str, Any] = field(compare=False, repr=False, default_factory=dict)

    def __str__(self) -> str:
        return f"{shown_path(self.code.co_filename)}:{self.line}"

    def of_argument(self, name: str, index: int | None = None) -> str:
        """`file:line` of one argument of the call made here; of the call itself if it cannot be told.

        Args:
            name: The argument's name, if it was passed by keyword.
            index: Its position, if it was passed by position.
        """
        call = self.call()
        if call is None:
            return str(self)
        found = next((k.value for k in call.keywords if k.arg == name), None)
        if found is None and index is not None and index < len(call.args):
            found = call.args[index]
        line = self.line if found is None else found.lineno
        return f"{shown_path(self.code.co_filename)}:{line}"

    def call(self) -> "ast.Call | None":
        """The call expression made here, or None if its source cannot be read."""
        import ast

        positions = list(self.code.co_positions())
        where = positions[self.instruction // 2]
        tree = source_tree(self.code.co_filename)
        if tree is None or None in where:
            return None
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and where == (
                node.lineno,
                node.end_lineno,
                node.col_offset,
                node.end_col_offset,
            ):
                return node
        return None


def user_place() -> Place:
    """The innermost frame that is neither ours nor a helper's of the standard library."""
    frame = sys._getframe(1)
    while _module_root(frame) in _NOT_THE_USERS and frame.f_back is not None:
        frame = frame.f_back
    return place_of(frame)


def place_of(frame: FrameType) -> Place:
    """The point a frame has reached."""
    return Place(frame.f_code, frame.f_lasti, frame.f_lineno, frame.f_globals)


def last_user_place(error: BaseException) -> Place | None:
    """The innermost of the user's frames in an error's traceback."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if _module_root(trace.tb_frame) not in _NOT_THE_USERS:
            found = Place(trace.tb_frame.f_code, trace.tb_lasti, trace.tb_lineno)
        trace = trace.tb_next
    return found


def source_tree(filename: str) -> "ast.Module | None":
    """The parsed source of a file, or None if there is no source to read."""
    import linecache

    text = "".join(linecache.getlines(filename))
    return _parsed(text) if text else None


@lru_cache(maxsize=8)
def _parsed(text: str) -> "ast.Module | None":
    import ast

    try:
        return ast.parse(text)
    except SyntaxError:  # the file was edited since it was imported
        return None


def shown_path(filename: str) -> str:
    """A path as a person wants to read it: relative, if it is below the working directory."""
    import os.path

    relative = os.path.relpath(filename)
    return filename if relative.startswith("..") else relative


def _module_root(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0]
