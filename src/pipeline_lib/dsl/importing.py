"""Recording an importer's node."""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline_lib.artifacts.artifact import Artifact, artifact_type_hints
from pipeline_lib.artifacts.properties import PropertySpec
from pipeline_lib.dsl.availability import availability
from pipeline_lib.dsl.hints import Hint, describe
from pipeline_lib.dsl.places import Place
from pipeline_lib.dsl.placing import after_ids, condition
from pipeline_lib.dsl.proxy import Proxy, Ref, ref_of
from pipeline_lib.dsl.recording import Recorder
from pipeline_lib.dsl.signature import snake_case
from pipeline_lib.dsl.values import NotFittingError, expression_of
from pipeline_lib.errors import (
    ConditionalUseError,
    ParameterTypeError,
    UnknownPropertyError,
    WireTypeError,
)
from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan import models


def place_importer(
    recorder: Recorder,
    place: Place,
    kind: Any,
    uri: Any,
    *,
    wanted_id: str | None,
    after: Sequence[Any],
    properties: Mapping[str, Any],
) -> Proxy:
    """Record the node; returns the channel of what it imports.

    Raises:
        PipelineError: As `importer`.
    """
    if not (inspect.isclass(kind) and issubclass(kind, Artifact)):
        raise WireTypeError(
            f"importer cannot make {kind!r}",
            needs="an artifact class",
            at=place.of_argument("kind", 0),
            fix="pass Model, Schema, ...",
        )
    node_id = recorder.choose_id(wanted_id, f"import_{snake_case(kind.__name__)}", place)
    type_name = recorder.register(kind, place)
    parameters = {"uri": _value(recorder, node_id, "uri", uri, str, place)}
    fields = _properties(recorder, node_id, kind, properties, place)
    if fields:
        parameters["properties"] = ex.Struct(fields=fields)
    node = models.Node(
        id=node_id,
        kind="importer",
        code=models.CodeRef(module=kind.__module__, qualname=kind.__qualname__),
        parameters=parameters,
        outputs={"result": models.OutputPort(artifact_type=type_name)},
        condition=condition(recorder),
        loops=recorder.open_loops,
        after=after_ids(recorder, after, place),
        exit_handler=recorder.in_exit_handler,
        description=f"Import an existing {kind.__name__}.",
    )
    recorder.add(node, place)
    return Proxy(
        Ref(
            expression=ex.FromOutput(node=node_id, port="result"),
            hint=kind,
            text=f"{node_id}.result",
            blocks=recorder.blocks,
            node=node_id,
            exit_handler=node.exit_handler,
        )
    )


def _properties(
    recorder: Recorder, node_id: str, kind: type[Artifact], given: Mapping[str, Any], place: Place
) -> dict[str, ex.Expression]:
    hints, specs = artifact_type_hints(kind), kind.property_specs()
    for name in given:
        if name not in specs:
            near = difflib.get_close_matches(name, specs, n=1)
            raise UnknownPropertyError(
                f"{kind.__name__} has no property {name}",
                at=place.of_argument("properties"),
                known=", ".join(specs),
                fix=f"did you mean {near[0]}?" if near else f"use one of: {', '.join(specs)}",
            )
    for name, spec in specs.items():
        if name not in given and spec.default is PropertySpec.REQUIRED:
            raise ParameterTypeError(
                f"{node_id} does not say {name}",
                needs=f"{name}: {describe(hints[name])}",
                at=str(place),
                fix=f"importer(..., properties={{{name!r}: ...}})",
            )
    return {name: _value(recorder, node_id, name, value, hints[name], place) for name, value in given.items()}


def _value(
    recorder: Recorder, node_id: str, name: str, value: Any, hint: Hint, place: Place
) -> ex.Expression:
    def read(proxy: Proxy) -> ex.Expression:
        ref = ref_of(proxy)
        seen = availability(ref, recorder)
        if seen.condition or seen.loop or ref.expression is None:
            raise ConditionalUseError(
                f"{node_id}.{name}: {ref.text} may not exist here",
                when=seen.condition or seen.loop,
                at=place.of_argument(name, 1 if name == "uri" else None),
                fix="call importer inside that block",
            )
        return ref.expression

    try:
        return expression_of(value, hint, read)
    except NotFittingError as error:
        raise ParameterTypeError(
            f"{node_id}.{name} cannot be {value!r}",
            needs=describe(hint),
            got=error.got,
            at=place.of_argument(name, 1 if name == "uri" else None),
            fix=error.detail or f"pass a value of type {describe(hint)}",
        ) from error
