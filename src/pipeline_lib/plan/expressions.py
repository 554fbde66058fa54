"""Where a value or an artifact of a plan comes from: the plan's small language, as data.

Artifact bindings and parameter values are one family, so that a condition, a parameter and an input are
evaluated by one function (`pipeline_lib.runtime.resolve`) and printed by another.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

Step = str | int


class Frozen(BaseModel):
    """Base of every part of a plan: immutable, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Tagged(Frozen):
    """Base of the expressions: `kind` is written even where defaults are left out, since readers need it."""

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": type(self).model_fields["kind"].default, **handler(self)}


class Constant(_Tagged):
    """A literal value, plain JSON (dates as ISO text, enums by value, dataclasses as objects)."""

    kind: Literal["constant"] = "constant"
    value: Any


class FromParameter(_Tagged):
    """A run parameter, or a part of it: `tuning.lr` is name `tuning`, path `("lr",)`."""

    kind: Literal["parameter"] = "parameter"
    name: str
    path: tuple[Step, ...] = ()


class FromOutput(_Tagged):
    """What a node put out under a port: an artifact, a list of them, or None if the node was skipped.

    `path` picks one of a list by index.
    """

    kind: Literal["output"] = "output"
    node: str
    port: str
    path: tuple[int, ...] = ()


class FromGather(_Tagged):
    """What every iteration of a looped node put out under a port, in the loop's order, as one list."""

    kind: Literal["gather"] = "gather"
    node: str
    port: str


class FromItem(_Tagged):
    """The current item of a `for_each`: an artifact, a plain value, or a part of one."""

    kind: Literal["item"] = "item"
    loop: str
    path: tuple[Step, ...] = ()


class FromProperty(_Tagged):
    """A property of an artifact, or a part of one that is a list or dict; `optional` if it may be None."""

    kind: Literal["property"] = "property"
    artifact: "Expression"
    name: str
    optional: bool = False
    path: tuple[Step, ...] = ()


class ListOf(_Tagged):
    """A list put together in the pipeline; items that are gathered lists are flattened into it."""

    kind: Literal["list"] = "list"
    items: tuple["Expression", ...]


class Struct(_Tagged):
    """A dict, dataclass or pydantic model put together in the pipeline from parts."""

    kind: Literal["struct"] = "struct"
    fields: dict[str, "Expression"]


class Either(_Tagged):
    """The first of the choices that exists (whose producer was not skipped), else None."""

    kind: Literal["either"] = "either"
    choices: tuple["Expression", ...]


class Exists(_Tagged):
    """Whether an optional artifact is there."""

    kind: Literal["exists"] = "exists"
    operand: "Expression"


class Compare(_Tagged):
    """A comparison of two values."""

    kind: Literal["compare"] = "compare"
    op: Literal["==", "!=", "<", "<=", ">", ">="]
    left: "Expression"
    right: "Expression"


class AllOf(_Tagged):
    """Every operand holds; evaluated left to right, ending at the first that does not."""

    kind: Literal["all"] = "all"
    operands: tuple["Expression", ...]


class AnyOf(_Tagged):
    """At least one operand holds; evaluated left to right, ending at the first that does."""

    kind: Literal["any"] = "any"
    operands: tuple["Expression", ...]


class Not(_Tagged):
    """The operand does not hold."""

    kind: Literal["not"] = "not"
    operand: "Expression"


Expression = Annotated[
    Constant
    | FromParameter
    | FromOutput
    | FromGather
    | FromItem
    | FromProperty
    | ListOf
    | Struct
    | Either
    | Exists
    | Compare
    | AllOf
    | AnyOf
    | Not,
    Field(discriminator="kind"),
]
