"""The user's `preprocessing_fn`: found, checked, called with the arguments it takes."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline_components.errors import PreprocessingFailedError, PreprocessingMissingError
from pipeline_components.tfx_compat import tfx_names
from pipeline_components.user_modules import load_user_module, shortened, user_line
from pipeline_lib.errors import PipelineError

Tensors = dict[str, Any]


class Preprocessing:
    """`preprocessing_fn` of a user's module, with its custom config bound.

    Attributes:
        failure: What the user's function raised, as an error that names the line; TFT and AutoGraph wrap
            exceptions on their way out, so it is kept here.
    """

    def __init__(self, module: str, custom_config: Mapping[str, Any] = {}) -> None:
        self.failure: PreprocessingFailedError | None = None
        self._name = module
        self._module = load_user_module(module)
        self._function = self._find(module)
        self._extra = (dict(custom_config),) if self._takes_config() else ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Workers import the module themselves: a pickle would name what only this process has loaded."""
        return Preprocessing, (self._name, *self._extra)

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
        instead = _instead_of_tensors(outputs)
        if instead:
            self.failure = PreprocessingFailedError(
                "preprocessing_fn must return a dict of tensors",
                got=instead,
                at=f"{self._module.__file__}:{self._function.__code__.co_firstlineno}",
                fix="return {name: tensor}",
            )
            raise self.failure
        return outputs

    @contextmanager
    def telling_the_users_line(self) -> Iterator[None]:
        """Raise `failure` in place of what became of it on its way through TFT, and ours through Beam.

        Raises:
            PreprocessingFailedError: The user's function failed in the block.
        """
        try:
            with tfx_names():
                yield
        except Exception as error:
            if self.failure is not None:
                raise self.failure from self.failure.__cause__
            ours = _ours_behind(error)
            if ours is not None and ours is not error:
                raise ours from error
            raise

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


def _instead_of_tensors(outputs: object) -> str:
    """What was returned, in words, if it is no dict of tensors."""
    import tensorflow as tf

    if not isinstance(outputs, dict):
        return type(outputs).__name__
    odd = {name: value for name, value in outputs.items() if not tf.is_tensor(value)}
    if odd:
        return ", ".join(f"{name}: {type(value).__name__}" for name, value in odd.items())
    return "" if outputs else "an empty dict"


def _ours_behind(error: BaseException) -> PipelineError | None:
    """The error of ours that a worker raised; Beam raises a copy of its class, made from text."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, PipelineError) and seen.fix:
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
