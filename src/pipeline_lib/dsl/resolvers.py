"""`@resolver`: a function that chooses artifacts of earlier runs."""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.dsl.component import recorder_for, refuse_run, require_function
from pipeline_lib.dsl.options import NodeOptions
from pipeline_lib.dsl.places import user_place

if TYPE_CHECKING:
    from pipeline_lib.dsl.signature import Signature

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
A = TypeVar("A", bound=Artifact)

Records = Mapping[str, Sequence[Any]]


class History(Protocol):
    """What a resolver sees of the metadata store."""

    @property
    def pipeline(self) -> str:
        """Name of the running pipeline."""

    @property
    def run_id(self) -> str:
        """The run that asks."""

    @property
    def span(self) -> date | None:
        """Its span, if the pipeline has one."""

    def artifacts(
        self,
        kind: type[A],
        *,
        like: A | None = None,
        spans: tuple[int, int] | None = None,
        before_this_span: bool = False,
        equal: Mapping[str, Any] | None = None,
        limit: int = 100,
    ) -> list[A]:
        """LIVE artifacts of a type in this pipeline, newest first.

        Args:
            kind: Their class.
            like: Only those that the same node made under the same port as this one.
            spans: Inclusive range of their property `span`.
            before_this_span: Only from runs of earlier spans than this run's.
            equal: Properties with exactly these values.
            limit: At most so many.
        """

    def artifact(self, kind: type[A], artifact_id: int) -> A | None:
        """The LIVE artifact of that type and id, or None."""


class Resolver(Generic[P, R_co]):
    """A function of the history that is a node of the pipeline; see `resolver`."""

    __recorded__ = True

    def __init__(
        self,
        function: Callable[Concatenate[History, P], R_co],
        *,
        node_id: str | None = None,
        after: Sequence[object] = (),
    ) -> None:
        self._function = function
        self._node_id = node_id
        self._after = tuple(after)
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Record a node; the result type is what a run will choose.

        Raises:
            OutsidePipelineError: No pipeline is being recorded.
            PipelineError: An argument does not fit.
        """
        place = user_place()
        recorder = recorder_for(self.__name__, place)
        from pipeline_lib.dsl.placing import place_call

        placed: R_co = place_call(
            recorder,
            place,
            self._function,
            self.signature,
            args,
            kwargs,
            kind="resolver",
            options=NodeOptions(),
            wanted_id=self._node_id,
            after=self._after,
        )
        return placed

    def run(self, history: History, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Execute it here on a history of your own making: for tests.

        Raises:
            RunInsidePipelineError: A pipeline is being recorded.
            WireTypeError, ParameterTypeError: An argument has another type.
            ResultError: The function returns something other than it declares.
        """
        refuse_run(self.__name__)
        from pipeline_lib.dsl.execution import run_here

        result: R_co = run_here(self._function, self.signature, args, kwargs, first=(history,))
        return result

    def execute(
        self, history: History, inputs: Records, parameters: Mapping[str, Any]
    ) -> tuple[Artifact, ...]:
        """Execute it on what a launcher resolved; returns what it chose, none if it found nothing.

        Raises:
            ExecutionInputError: An input or parameter is missing, unknown or of another type.
            ResultError: The function returned something other than it declares.
        """
        from pipeline_lib.dsl.execution import call_with_records, outputs_by_port

        chosen = call_with_records(self._function, self.signature, inputs, parameters, first=(history,))
        return outputs_by_port(self.signature, chosen, complete=False)["result"]

    def options(self, *, id: str | None = None, after: Sequence[object] = ()) -> "Resolver[P, R_co]":  # noqa: A002
        """The same resolver, its node with another id, or after other nodes."""
        return Resolver(
            self._function, node_id=id if id is not None else self._node_id, after=(*self._after, *after)
        )

    @cached_property
    def signature(self) -> "Signature":
        """What the function declares, without its history.

        Raises:
            DeclarationError: It cannot be placed in a pipeline as it is.
        """
        from pipeline_lib.dsl.signature import read_signature

        return read_signature(self._function, single_port="result", skip=1, what="resolver")

    def __repr__(self) -> str:
        return f"<resolver {self.__module__}.{self.__qualname__}>"

    def __reduce__(self) -> str:
        return self.__qualname__

    if TYPE_CHECKING:
        __name__: str
        __qualname__: str


def resolver(function: Callable[Concatenate[History, P], R], /) -> Resolver[P, R]:
    """Make a resolver of a function whose first argument is the history.

    It returns `A`, `A | None` or `list[A]`; a class it takes as `kind: type[A]` or an artifact it takes as
    `of: A` says what `A` is. Resolvers are never cached: what they choose is what a run is made of.
    """
    require_function(function, "resolver")
    return Resolver(function)
