"""`@component`: an ordinary typed function that can be placed in a pipeline."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, overload

from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.dsl.approvals import Approval
from pipeline_lib.dsl.done import Done
from pipeline_lib.dsl.options import Cache, NodeOptions, options_from
from pipeline_lib.dsl.places import Place, user_place
from pipeline_lib.errors import DeclarationError, OutsidePipelineError, RunInsidePipelineError

if TYPE_CHECKING:
    from pipeline_lib.dsl.recording import Recorder
    from pipeline_lib.dsl.signature import Signature

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Driver = Callable[[dict[str, Any]], dict[str, Any]]
Records = Mapping[str, Sequence[Any]]


class Component(Generic[P, R_co]):
    """A function that makes artifacts from artifacts and parameters.

    Called inside a pipeline it records a node and returns what stands for the outputs; `run` executes it.
    """

    __recorded__ = True

    def __init__(
        self,
        function: Callable[P, R_co],
        *,
        output: str | None = None,
        driver: Driver | None = None,
        options: NodeOptions | None = None,
        node_id: str | None = None,
        after: Sequence[object] = (),
    ) -> None:
        self._function = function
        self._output = output
        self._driver = driver
        self._options = options or NodeOptions()
        self._node_id = node_id
        self._after = tuple(after)
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Record a node (the result type is what a run will put out).

        Raises:
            OutsidePipelineError: No pipeline is being recorded.
            PipelineError: An argument does not fit; see the codes PL102 to PL113.
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
            kind="component",
            options=self._options,
            wanted_id=self._node_id,
            after=self._after,
            driver=self._driver,
        )
        return placed

    def run(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Execute the function here on real artifacts, checking arguments and results: for tests.

        Open `with workspace(tmp_path):` around it.

        Raises:
            RunInsidePipelineError: A pipeline is being recorded.
            WireTypeError: An input is not an artifact of the declared type.
            ParameterTypeError: A parameter has another type.
            ResultError: The function returns something other than it declares.
            UnsetPropertyError: A property of an output was never set.
        """
        refuse_run(self.__name__)
        from pipeline_lib.dsl.execution import run_here

        result: R_co = run_here(self._function, self.signature, args, kwargs)
        return result

    def execute(self, inputs: Records, parameters: Mapping[str, Any]) -> dict[str, tuple[Artifact, ...]]:
        """Execute the function on what a launcher resolved.

        Args:
            inputs: By port, records with `id`, `uri`, `digest` and `properties` (plain JSON).
            parameters: Plain JSON by name; what is left out takes the function's default.

        Returns:
            Artifacts by port; none for an optional output that is None.

        Raises:
            ExecutionInputError: An input or parameter is missing, unknown or of another type.
            ResultError: The function returned something other than it declares.
            UnsetPropertyError: A property of an output was never set.
        """
        from pipeline_lib.dsl.execution import call_with_records, outputs_by_port

        result = call_with_records(self._function, self.signature, inputs, parameters)
        return outputs_by_port(self.signature, result)

    def options(
        self,
        *,
        id: str | None = None,  # noqa: A002
        after: Sequence[object] = (),
        retries: int | None = None,
        retry_delay: timedelta | None = None,
        timeout: timedelta | None = None,
        cache: bool | Cache | None = None,
        cpus: float | None = None,
        memory_mb: int | None = None,
        pool: str | None = None,
        queue: str | None = None,
        priority: int | None = None,
        executor_config: Mapping[str, Any] | None = None,
        owner: str | None = None,
        environment: str | None = None,
        beam: Mapping[str, Any] | None = None,
        approval: Approval | None = None,
    ) -> "Component[P, R_co]":
        """The same component with other options, for one node: `train.options(retries=5)(examples)`.

        Args:
            id: The node's id; by default the function's name, numbered if it is taken.
            after: Results of calls that must end first, though nothing of theirs is read.
            retries: Further tries after the first.
            retry_delay: Before the second try; doubles with each further one.
            timeout: For one try.
            cache: Whether and how earlier results are used.
            cpus: Processors to reserve.
            memory_mb: MiB to reserve.
            pool: The orchestrator's pool.
            queue: The orchestrator's queue.
            priority: The orchestrator's weight.
            executor_config: Passed to the orchestrator's executor as it is.
            owner: Who is told.
            environment: Name of one of the profile's environments (another interpreter).
            beam: Beam options, merged over the profile's.
            approval: Who must agree before the node runs.
        """
        given = NodeOptions(
            retries=retries,
            retry_delay=retry_delay,
            timeout=timeout,
            cache=cache,
            cpus=cpus,
            memory_mb=memory_mb,
            pool=pool,
            queue=queue,
            priority=priority,
            executor_config=executor_config,
            owner=owner,
            environment=environment,
            beam=beam,
            approval=approval,
        )
        return Component(
            self._function,
            output=self._output,
            driver=self._driver,
            options=given.over(self._options),
            node_id=id if id is not None else self._node_id,
            after=(*self._after, *after),
        )

    @cached_property
    def signature(self) -> "Signature":
        """What the function declares, read at first use.

        Raises:
            DeclarationError: It cannot be placed in a pipeline as it is.
        """
        from pipeline_lib.dsl.signature import read_signature

        return read_signature(self._function, single_port=self._output)

    @property
    def function(self) -> Callable[P, R_co]:
        """The author's function."""
        return self._function

    def __repr__(self) -> str:
        return f"<component {self.__module__}.{self.__qualname__}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        if self._node_id is None and not self._after and self._is_module_global():
            return self.__qualname__
        return _rebuild, (self.__module__, self.__qualname__, self._options, self._node_id)

    def _is_module_global(self) -> bool:
        import sys

        return getattr(sys.modules.get(self.__module__), self.__qualname__, None) is self

    if TYPE_CHECKING:
        __name__: str
        __qualname__: str


class _Declare(Protocol):
    @overload
    def __call__(self, function: Callable[P, None], /) -> Component[P, Done]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Component[P, R]: ...


@overload
def component(function: Callable[P, None], /) -> Component[P, Done]: ...
@overload
def component(function: Callable[P, R], /) -> Component[P, R]: ...
@overload
def component(
    *,
    output: str | None = None,
    driver: Driver | None = None,
    retries: int | None = None,
    retry_delay: timedelta | None = None,
    timeout: timedelta | None = None,
    cache: bool | Cache | None = None,
    cpus: float | None = None,
    memory_mb: int | None = None,
    environment: str | None = None,
    beam: Mapping[str, Any] | None = None,
) -> _Declare: ...
def component(
    function: Any = None,
    /,
    *,
    output: str | None = None,
    driver: Driver | None = None,
    **options: Any,
) -> Any:
    """Make a component of a function.

    Its arguments annotated `A`, `A | None`, `Sequence[A]` or `list[A]` (`A` an artifact class) are inputs,
    all others parameters; it returns an artifact, a NamedTuple of artifacts, or None.

    Args:
        function: The function, when used without arguments.
        output: Port name of a single output; by default its class's name in snake case.
        driver: Called in the launcher with the resolved parameters before the cache key is made; what it
            returns is merged over them. It finds outside data and gives its digest. No heavy imports.
        options: Defaults of the node's options, see `NodeOptions`.

    Raises:
        DeclarationError: It is put on something other than a plain function.
        OptionError: There is no such option.
    """
    set_options = options_from(options)

    def declare(declared: Callable[..., Any]) -> Component[..., Any]:
        require_function(declared, "component")
        return Component(declared, output=output, driver=driver, options=set_options)

    return declare if function is None else declare(function)


def require_function(function: object, what: str) -> None:
    """Stop decorators being put on other than plain functions (a component twice, a class, a method).

    Raises:
        DeclarationError: It is none.
    """
    if not inspect.isfunction(function):
        raise DeclarationError(
            f"@{what} was put on {function!r}", at=str(user_place()), fix="put it on a plain function"
        )
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise DeclarationError(
            f"@{what} was put on {function.__name__}, which is async or has a yield",
            at=str(user_place()),
            fix="put it on a plain function: one that returns when its work is done",
        )


def refuse_run(name: str) -> None:
    """Stop `run` while a pipeline is being recorded.

    Raises:
        RunInsidePipelineError: One is.
    """
    import sys

    recording = sys.modules.get("pipeline_lib.dsl.recording")
    if recording is not None and recording.active_recorder() is not None:
        raise RunInsidePipelineError(
            f"{name}.run(...) executes at once, and this is a @pipeline",
            at=str(user_place()),
            fix=f"{name}(...) records it",
        )


def recorder_for(name: str, place: Place) -> "Recorder":
    """The recorder of the pipeline being compiled.

    Raises:
        OutsidePipelineError: None is; the message points to `run`.
    """
    from pipeline_lib.dsl.recording import active_recorder

    recorder = active_recorder()
    if recorder is None:
        raise OutsidePipelineError(
            f"{name}(...) was called outside a @pipeline",
            at=str(place),
            fix=f"{name}.run(...) executes it here, on real artifacts",
        )
    return recorder


def _rebuild(module: str, qualname: str, options: NodeOptions, node_id: str | None) -> Component[..., Any]:
    import importlib

    base: Component[..., Any] = getattr(importlib.import_module(module), qualname)
    return Component(
        base._function, output=base._output, driver=base._driver, options=options, node_id=node_id
    )
