"""Parameters of their own kind: a user's module by name, and a secret by reference."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline_lib.artifacts.workspace import active_workspace
from pipeline_lib.errors import SecretReferenceError, UserModuleError
from pipeline_lib.secrets import reveal_secret

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class _Text(str):
    """Text with a meaning; pydantic keeps the class, JSON sees the text."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        del source, handler
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(cls, core_schema.str_schema()),
            python_schema=core_schema.is_instance_schema(cls),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        del schema, handler
        return {"type": "string", "format": cls.__name__}


class UserModule(_Text):
    """A module with the user's own functions (`preprocessing_fn`, `run_fn`), by name.

    Its source, and that of the first-party modules it imports, enters the cache key.

    Args:
        name: A dotted module (`flight_delays.model`) or the path of a .py file.

    Raises:
        UserModuleError: The text is neither.
    """

    __slots__ = ()

    def __new__(cls, name: str) -> "UserModule":
        """Check the name's form; nothing is imported."""
        if not (name.endswith(".py") or _DOTTED.fullmatch(name)):
            raise UserModuleError(
                f"{name!r} names no module",
                fix="write a dotted module (`package.model`) or a path that ends in .py",
            )
        return super().__new__(cls, name)

    @property
    def is_file(self) -> bool:
        """Whether the module is given as a file."""
        return self.endswith(".py")

    def load(self) -> ModuleType:
        """Import it (once per process).

        Raises:
            UserModuleError: There is no such module.
            CodeChangedError: It was edited since the node's cache key was made.
        """
        return self._load_file() if self.is_file else self._load_dotted()

    def _load_dotted(self) -> ModuleType:
        import importlib
        import sys

        known = self in sys.modules
        try:
            module = importlib.import_module(self)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{self}.".startswith(f"{error.name}."):
                raise  # the module is there, and imports something that is not
            raise UserModuleError(
                f"there is no module {self}",
                fix="check its name, and that its folder is in the profile's import_paths",
            ) from error
        if not known:
            _verify_code()
        return module

    def _load_file(self) -> ModuleType:
        import hashlib
        import importlib.util
        import sys

        path = Path(self).resolve()
        if not path.is_file():
            raise UserModuleError(f"there is no file {self}", at=str(path), fix="check the path")
        mark = hashlib.sha256(str(path).encode()).hexdigest()[:8]
        name = f"{path.stem}_{mark}"  # two files of one name must not be one module
        if name in sys.modules:
            return sys.modules[name]
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))  # its siblings, as when it runs as a script
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise UserModuleError(f"{self} is no module", at=str(path), fix="give a .py file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        _verify_code()
        return module


def _verify_code() -> None:
    """Only right after an import: what is imported stays as it was, whatever is edited later."""
    space = active_workspace()
    if space is not None:
        space.verify_code()


class Secret(_Text):
    """A reference to a secret: `env:NAME` or `file:/path`. Only the reference is ever stored or printed.

    Raises:
        SecretReferenceError: The text is no such reference.
    """

    __slots__ = ()

    def __new__(cls, reference: str) -> "Secret":
        """Check the reference's form; nothing is read."""
        scheme, _, rest = reference.partition(":")
        if scheme not in {"env", "file"} or not rest:
            raise SecretReferenceError(
                "a secret is given by reference, not by value",
                fix='write Secret("env:NAME") or Secret("file:/path")',
            )
        return super().__new__(cls, reference)

    def reveal(self) -> str:
        """The secret itself, read now.

        Raises:
            SecretError: The variable is not set, or the file cannot be read.
        """
        return reveal_secret(self)
