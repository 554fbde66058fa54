"""The user's `preprocessing_fn`: found, checked, called with the arguments it takes."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pipeline_components.errors import PreprocessingFailedError, PreprocessingMissingError
from pipeline_components.user_modules import load_user_module, shortened, user_line

Tensors = dict[str, Any]


class Preprocessing:
    """`preprocessing_fn` of a user's module, with its custom config bound.

    Attributes:
        failure: What the user's function raised, as an error that names the line; TFT and AutoGraph wrap
            exceptions on their way out, so it is kept here.
    """

    def __init__(self, module: str, custom_config: Mapping[str, Any]) -> None:
        self.failure: PreprocessingFailedError | None = None
        self._module = load_user_module(module)
        self._function = self._find(module)
        self._extra = (dict(custom_config),) if self._takes_config() else ()

    def __call__(self, inputs: Tensors) -> Tensors:
        """What TFT calls, once or several times, with symbolic tensors."""
        try:
            outputs = self._function(inputs, *self._extra)
        except Exception as error:
            self.failure = PreprocessingFailedError(
                f"preprocessing_fn raised {type(error).__name__}",
                why=shortened(error) if not isinstance(error, KeyError) else f"no input {error}",
                inputs=", ".join(sorted(inputs)),
                at=user_line(error, self._module),
                fix="mend the function; `inputs` holds the features of the schema",
            )
            raise self.failure from error
        if not isinstance(outputs, dict) or not outputs:
            self.failure = PreprocessingFailedError(
                "preprocessing_fn must return a dict of tensors",
                got=type(outputs).__name__ if outputs is None or outputs else "an empty dict",
                at=f"{self._module.__file__}:{self._function.__code__.co_firstlineno}",
                fix="return {name: tensor}",
            )
            raise self.failure
        return outputs

    def _find(self, module: str) -> Callable[..., Tensors]:
        found = getattr(self._module, "preprocessing_fn", None)
        if not inspect.isfunction(found):
            raise PreprocessingMissingError(
                f"{module} has no function preprocessing_fn",
                at=self._module.__file__,
                fix="define `def preprocessing_fn(inputs): ...` that returns a dict of tensors",
            )
        return found

    def _takes_config(self) -> bool:
        parameters = inspect.signature(self._function).parameters
        if len(parameters) not in (1, 2):
            raise PreprocessingMissingError(
                "preprocessing_fn takes (inputs) or (inputs, custom_config)",
                got=", ".join(parameters),
                at=f"{self._module.__file__}:{self._function.__code__.co_firstlineno}",
                fix="take the feature dict, and custom_config if you need it",
            )
        return len(parameters) == 2
