"""`@pipeline`: a function that calls components, and compiles to a plan."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Never, ParamSpec, TypeVar, overload

from pipeline_lib.dsl.component import require_function
from pipeline_lib.dsl.places import user_place
from pipeline_lib.dsl.schedules import Schedule, split_schedule
from pipeline_lib.errors import DeclarationError, OutsidePipelineError

if TYPE_CHECKING:
    from pipeline_lib.plan.models import Plan

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

ONLY_DATE = "\0the only date parameter"


class Pipeline(Generic[P, R_co]):
    """A pipeline: `compile()` gives its plan; called inside another pipeline, its nodes become part of that.

    Attributes:
        name: As declared; the DAG's and the metadata store's name for it.
        schedule: Cron text, preset, or None.
        triggers: Artifacts of other pipelines that start a run.
        span: Name of the run parameter that is the span, None, or `ONLY_DATE`.
        tags: For finding it.
    """

    __recorded__ = True

    def __init__(
        self,
        function: Callable[P, R_co],
        *,
        name: str,
        schedule: Schedule = None,
        span: str | None = ONLY_DATE,
        tags: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.schedule, self.triggers = split_schedule(schedule)
        self.span = span
        self.tags = tuple(tags)
        self._function = function
        functools.update_wrapper(self, function, updated=())

    @property
    def function(self) -> Callable[P, R_co]:
        """The author's function."""
        return self._function

    def compile(self) -> "Plan":
        """Call the function once, recording; nothing is executed.

        Raises:
            PipelineError: PL1xx, with the author's line, for whatever is wrong with the graph.
        """
        from pipeline_lib.dsl.compiling import compile_pipeline

        return compile_pipeline(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Inside another pipeline: record this one's nodes there.

        Raises:
            OutsidePipelineError: No pipeline is being recorded.
        """
        from pipeline_lib.dsl.recording import active_recorder

        if active_recorder() is None:
            raise OutsidePipelineError(
                f"pipeline {self.name} was called like a function",
                at=str(user_place()),
                fix=f"{self.__name__}.compile() gives its plan; `pipeline run {self.name}` runs it",
            )
        from pipeline_lib.dsl.source_check import check_source

        check_source(self._function)
        return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<pipeline {self.name}>"

    def __reduce__(self) -> str:
        return self.__qualname__

    if TYPE_CHECKING:
        __name__: str
        __qualname__: str


@overload
def pipeline(
    *, name: str, schedule: Schedule = None, span: str | None = ONLY_DATE, tags: Sequence[str] = ()
) -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...
@overload
def pipeline(without_a_name: Never, /) -> Never: ...
def pipeline(
    *unnamed: object,
    name: str = "",
    schedule: Schedule = None,
    span: str | None = ONLY_DATE,
    tags: Sequence[str] = (),
) -> Any:
    """Make a pipeline of a function; its arguments are the run parameters.

    Args:
        unnamed: Nothing: `@pipeline` without parentheses is told what to write.
        name: Letters, digits, `-`, `_` and `.`; stays the same for good, since histories hang on it.
        schedule: Cron text (`"0 3 * * *"`) or preset; `OnArtifact(...)`, or a list of these, to run when
            other pipelines have made something new; None to run by hand.
        span: Run parameter of type date that says which span a run is of. By default the only date
            parameter, if there is one; None: runs have no span.
        tags: For finding it.

    Raises:
        DeclarationError: The name is missing, or cannot be a folder's.
    """
    _require_named(unnamed, name)
    if not name or not all(c.isalnum() or c in "-_." for c in name) or name.startswith("."):
        raise DeclarationError(
            f"a pipeline cannot be named {name!r}",
            at=str(user_place()),
            fix="use letters, digits, - and _ (it names folders and DAGs)",
        )

    def declare(function: Callable[P, R]) -> Pipeline[P, R]:
        require_function(function, "pipeline")
        return Pipeline(function, name=name, schedule=schedule, span=span, tags=tags)

    return declare


def _require_named(unnamed: tuple[object, ...], name: object) -> None:
    if not unnamed and name != "":
        return
    given = unnamed[0] if unnamed else None
    suggested = (
        given if isinstance(given, str) else getattr(given, "__name__", "my_pipeline").replace("_", "-")
    )
    raise DeclarationError(
        "@pipeline needs a name", at=str(user_place()), fix=f'write @pipeline(name="{suggested}")'
    )
