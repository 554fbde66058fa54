"""Placing a component, resolver or importer in the pipeline that is being recorded."""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline_lib.dsl.arguments import declared_artifact
from pipeline_lib.dsl.binding import Binding
from pipeline_lib.dsl.done import Done
from pipeline_lib.dsl.hints import substitute
from pipeline_lib.dsl.options import NodeOptions, plan_options
from pipeline_lib.dsl.parameters import Secret, UserModule
from pipeline_lib.dsl.places import Place
from pipeline_lib.dsl.proxy import Proxy, Ref, ref_of
from pipeline_lib.dsl.recording import Recorder
from pipeline_lib.dsl.signature import Signature
from pipeline_lib.errors import DeclarationError, OptionError
from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan import models


def place_call(
    recorder: Recorder,
    place: Place,
    function: Callable[..., Any],
    signature: Signature,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    *,
    kind: models.NodeKind,
    options: NodeOptions,
    wanted_id: str | None = None,
    after: Sequence[Any] = (),
    driver: Callable[..., Any] | None = None,
) -> Any:
    """Record a call; returns what stands for its result.

    Raises:
        PipelineError: The call does not fit the declaration, or its result could not be used.
    """
    node_id = recorder.choose_id(wanted_id, signature.name, place)
    binding = Binding(
        signature=signature,
        node=node_id,
        recorder=recorder,
        place=place,
        in_exit_handler=recorder.in_exit_handler,
    )
    binding.bind(args, kwargs)
    hints = {output.port: substitute(output.hint, binding.solved) for output in signature.outputs}
    node = models.Node(
        id=node_id,
        kind=kind,
        code=code_ref(function, place),
        inputs=binding.inputs,
        parameters=binding.parameters,
        outputs={port: _port(recorder, hint, place) for port, hint in hints.items()},
        user_modules=_holding(signature, binding, UserModule),
        secrets=_holding(signature, binding, Secret),
        driver=None if driver is None else code_ref(driver, place),
        condition=condition(recorder),
        loops=recorder.open_loops,
        after=after_ids(recorder, after, place),
        exit_handler=recorder.in_exit_handler,
        options=plan_options(options, node=node_id, parameters=binding.parameters, at=place),
        description=first_line(function),
    )
    recorder.add(node, place)
    return _result(recorder, node, signature, hints)


def code_ref(function: Callable[..., Any], place: Place) -> models.CodeRef:
    """The importable name of a function.

    Raises:
        DeclarationError: It has none: it is local to another function, or of a script.
    """
    name = function.__qualname__
    if "<" in name or "." in name:
        raise DeclarationError(
            f"{name} cannot be imported by the process that executes it",
            at=str(place),
            fix="define it at the top level of a module",
        )
    if function.__module__ == "__main__":
        raise DeclarationError(
            f"{name} is defined in a script (__main__), which another process cannot import",
            at=str(place),
            fix="put it into a module and import it from there",
        )
    return models.CodeRef(module=function.__module__, qualname=name)


def condition(recorder: Recorder) -> ex.Expression | None:
    """The condition of the open blocks, outermost first."""
    facts = recorder.facts
    if len(facts) < 2:
        return facts[0] if facts else None
    return ex.AllOf(operands=facts)


def after_ids(recorder: Recorder, after: Sequence[Any], place: Place) -> tuple[str, ...]:
    """Ids of the nodes named in `after=`.

    Raises:
        OptionError: Something in it is not the result of a call.
    """
    found: list[str] = []
    for value in after:
        parts = value if isinstance(value, tuple | list) else (value,)
        for part in parts:
            node = ref_of(part).node if isinstance(part, Proxy) else None
            if node is None:
                raise OptionError(
                    f"after= was given {part!r}", at=str(place), fix="name results of calls: after=[pushed]"
                )
            if node not in found:
                found.append(node)
    handlers = [node for node in found if recorder.nodes[node].exit_handler]
    if handlers and not recorder.in_exit_handler:
        raise OptionError(
            f"after= names the exit handler {handlers[0]}", at=str(place), fix="exit handlers run last"
        )
    return tuple(found)


def first_line(function: Callable[..., Any]) -> str:
    """The first line of a docstring."""
    return (function.__doc__ or "").strip().partition("\n")[0]


def _port(recorder: Recorder, hint: Any, place: Place) -> models.OutputPort:
    artifact = declared_artifact(hint)
    type_name = recorder.register(artifact.kind, place)
    return models.OutputPort(artifact_type=type_name, optional=artifact.optional, many=artifact.many)


def _holding(signature: Signature, binding: Binding, kind: type) -> tuple[str, ...]:
    return tuple(
        name
        for name, argument in signature.arguments.items()
        if argument.plain is kind and name in binding.parameters
    )


def _result(recorder: Recorder, node: models.Node, signature: Signature, hints: dict[str, Any]) -> Any:
    blocks = recorder.blocks

    def channel(expression: ex.Expression | None, hint: Any, text: str) -> Proxy:
        return Proxy(
            Ref(
                expression=expression,
                hint=hint,
                text=text,
                blocks=blocks,
                node=node.id,
                exit_handler=node.exit_handler,
            )
        )

    if not hints:
        return channel(None, Done, node.id)
    channels = {
        port: channel(ex.FromOutput(node=node.id, port=port), hint, f"{node.id}.{port}")
        for port, hint in hints.items()
    }
    if signature.result is not None:
        return signature.result(**channels)
    return next(iter(channels.values()))
