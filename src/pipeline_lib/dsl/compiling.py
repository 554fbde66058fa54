"""From a pipeline function to a plan."""

import builtins
import difflib
import inspect
import typing
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import ValidationError

from pipeline_lib.dsl.docstrings import argument_texts, summary
from pipeline_lib.dsl.hints import artifact_hint, describe, without_annotated, without_none
from pipeline_lib.dsl.parameters import Secret
from pipeline_lib.dsl.pipeline import ONLY_DATE
from pipeline_lib.dsl.places import last_user_place, shown_path, user_place
from pipeline_lib.dsl.proxy import Proxy, Ref, ref_of
from pipeline_lib.dsl.recording import Recorder, active_recorder, record
from pipeline_lib.dsl.schedules import plan_triggers
from pipeline_lib.dsl.source_check import check_code, check_source
from pipeline_lib.dsl.values import NoJsonFormError, NotFittingError, adapter, constant
from pipeline_lib.errors import (
    DeclarationError,
    OutsidePipelineError,
    ParameterTypeError,
    PipelineCodeError,
    PipelineError,
    RecordedValueError,
    UnknownAttributeError,
)
from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan import models
from pipeline_lib.plan.validation import check_plan

if TYPE_CHECKING:
    from pipeline_lib.dsl.pipeline import Pipeline


def compile_pipeline(pipeline: "Pipeline[..., Any]") -> models.Plan:
    """The plan of a pipeline.

    Raises:
        PipelineError: PL1xx, with the author's line.
    """
    if active_recorder() is not None:
        raise OutsidePipelineError(
            f"pipeline {pipeline.name} is compiled inside a @pipeline",
            at=str(user_place()),
            fix=f"call it instead: {pipeline.__name__}(...)",
        )
    function = pipeline.function
    at = f"{shown_path(function.__code__.co_filename)}:{function.__code__.co_firstlineno}"
    hints = _hints(function, at)
    parameters = tuple(
        _run_parameter(parameter, hints, owner=pipeline.name, at=at, texts=argument_texts(function.__doc__))
        for parameter in inspect.signature(function).parameters.values()
    )
    span = _span_parameter(pipeline, hints, at)
    triggers = plan_triggers(pipeline.triggers, pipeline=pipeline.name, of_spans=span is not None, at=at)
    check_source(function)
    recorder = Recorder(pipeline.name)
    arguments = {
        p.name: Proxy(Ref(expression=ex.FromParameter(name=p.name), hint=hints[p.name], text=p.name))
        for p in parameters
    }
    with record(recorder):
        _call(function, arguments, pipeline.name)
    for code, names in {place.code: place.names for place in recorder.places.values()}.items():
        if code is not function.__code__:  # a plain function as sub-pipeline
            check_code(code, names)
    if recorder.faults:
        raise recorder.faults[0]
    if not recorder.nodes:
        raise DeclarationError(f"pipeline {pipeline.name} has no nodes", at=at, fix="call components in it")
    plan = models.Plan(
        name=pipeline.name,
        description=summary(function.__doc__),
        code=models.CodeRef(module=function.__module__, qualname=function.__qualname__),
        schedule=pipeline.schedule,
        triggers=triggers,
        span_parameter=span,
        tags=pipeline.tags,
        parameters=parameters,
        loops=tuple(recorder.loops),
        nodes=tuple(recorder.nodes.values()),
        artifact_types=dict(sorted(recorder.artifact_types.items())),
    )
    check_plan(plan, places={node: str(place) for node, place in recorder.places.items()})
    return plan


def _call(function: Callable[..., Any], arguments: dict[str, Proxy], name: str) -> None:
    """Call the author's function; Python's own complaints about recorded values get the author's line."""
    try:
        function(**arguments)
    except PipelineError:
        raise
    except ValidationError as error:
        _raise_for_model(error)
    except Exception as error:
        place = last_user_place(error)
        if isinstance(error, AttributeError) and _is_result(error.obj):
            _raise_unknown_port(error, str(place))
        raise PipelineCodeError(
            f"pipeline {name} raised {type(error).__name__}: {error}",
            at=str(place) if place else None,
            fix=_fix_of(error, function),
        ) from error


def _fix_of(error: Exception, function: Callable[..., Any]) -> str:
    if isinstance(error, TypeError | AttributeError | KeyError | ValueError):
        return "a run knows what calls return and the parameters hold; compute with them in a component"
    if isinstance(error, NameError) and error.name:
        known = (*function.__code__.co_varnames, *function.__globals__, *dir(builtins))
        if near := difflib.get_close_matches(error.name, known, n=1):
            return f"did you mean {near[0]}?"
        return f"import {error.name}, or assign it first"
    return "mend the line named here"


def _is_result(value: object) -> bool:
    """Whether it is a NamedTuple of channels."""
    return isinstance(value, tuple) and hasattr(value, "_fields") and any(isinstance(v, Proxy) for v in value)


def _raise_unknown_port(error: AttributeError, at: str) -> NoReturn:
    ports: tuple[str, ...] = getattr(error.obj, "_fields", ())
    near = difflib.get_close_matches(error.name or "", ports, n=1)
    raise UnknownAttributeError(
        f"{type(error.obj).__name__} has no output {error.name}",
        at=at,
        fix=f"did you mean {near[0]}?" if near else f"use one of: {', '.join(ports)}",
    ) from error


def _raise_for_model(error: ValidationError) -> NoReturn:
    """A pydantic model was made of a recorded value: it cannot be validated before there is a run."""
    place = last_user_place(error)
    recorded = [fault for fault in error.errors() if isinstance(fault["input"], Proxy)]
    if not recorded:
        raise PipelineCodeError(
            f"{error.title} refuses its values: {error.errors()[0]['msg']}",
            at=str(place) if place else None,
            fix="mend the value",
        ) from error
    fault = recorded[0]
    raise RecordedValueError(
        f"{error.title}.{'.'.join(str(step) for step in fault['loc'])} was given"
        f" {ref_of(fault['input']).text}, which only a run knows",
        at=str(place) if place else None,
        fix="make the whole model a run parameter, or use a dataclass",
    ) from error


def _hints(function: Callable[..., Any], at: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise DeclarationError(
            f"{function.__name__}: its annotations name {error.name}, which is not there at run time",
            at=at,
            fix=f"import {error.name} outside of `if TYPE_CHECKING:`",
        ) from error


def _run_parameter(
    parameter: inspect.Parameter, hints: dict[str, Any], *, owner: str, at: str, texts: dict[str, str]
) -> models.RunParameter:
    name = parameter.name
    if name not in hints or parameter.kind in (
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
        inspect.Parameter.POSITIONAL_ONLY,
    ):
        raise DeclarationError(
            f"pipeline {owner}: {name} cannot be a run parameter",
            at=at,
            fix=f"write `{name}: int`, `{name}: date`, ...",
        )
    hint = hints[name]
    if artifact_hint(hint) is not None:
        raise DeclarationError(
            f"pipeline {owner}: {name} is an artifact",
            at=at,
            fix="use importer(...) or a resolver; a plain function can be a sub-pipeline with artifacts",
        )
    required = parameter.default is inspect.Parameter.empty
    try:
        schema = adapter(hint).json_schema()
        default = None if required else constant(parameter.default, hint)
    except NoJsonFormError as error:
        raise DeclarationError(
            f"pipeline {owner}: {name} cannot be a run parameter",
            got=describe(hint),
            at=at,
            fix="use int, float, str, bool, date, enums, lists, dicts, dataclasses or pydantic models",
        ) from error
    except NotFittingError as error:
        raise ParameterTypeError(
            f"pipeline {owner}: the default of {name} cannot be {parameter.default!r}",
            needs=describe(hint),
            got=error.got,
            at=at,
            fix=error.detail,
        ) from error
    bare, _ = without_none(without_annotated(hint))
    return models.RunParameter(
        name=name,
        schema=schema,
        required=required,
        default=default,
        description=texts.get(name, ""),
        secret=bare is Secret,
    )


def _span_parameter(pipeline: "Pipeline[..., Any]", hints: dict[str, Any], at: str) -> str | None:
    dates = [
        name
        for name in inspect.signature(pipeline.function).parameters
        if without_none(without_annotated(hints[name]))[0] is date
    ]
    if pipeline.span is None:
        return None
    if pipeline.span != ONLY_DATE:
        if pipeline.span not in dates:
            raise DeclarationError(
                f"pipeline {pipeline.name}: span={pipeline.span!r} is no date parameter",
                at=at,
                known=", ".join(dates) or None,
                fix=f"declare it: `{pipeline.span}: date`",
            )
        return pipeline.span
    if len(dates) > 1:
        raise DeclarationError(
            f"pipeline {pipeline.name} has several dates: {', '.join(dates)}",
            at=at,
            fix=f'say which one is the span: span="{dates[0]}", or span=None',
        )
    return dates[0] if dates else None
