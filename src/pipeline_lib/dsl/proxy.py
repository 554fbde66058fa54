"""`Proxy`: what stands for a value or an artifact that only a run will have.

To a checker it is the value itself. It records the few uses that a plan can express (a field, an item, a
comparison, `&`, `|`) and refuses every other one that Python lets it see, at the user's own line.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline_lib.dsl.hints import Hint
from pipeline_lib.dsl.places import user_place
from pipeline_lib.errors import RecordedValueError

if TYPE_CHECKING:
    from pipeline_lib.dsl.recording import Block
    from pipeline_lib.plan.expressions import Expression


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ref:
    """What a proxy stands for.

    Attributes:
        expression: How a run will get it; None for the token of a node without outputs.
        hint: Its declared type.
        text: As the author would name it: `train.model`.
        blocks: The `when` and `for_each` blocks it was made in.
        node: The node that makes it, if one does.
        exit_handler: Whether that node is an exit handler.
    """

    expression: "Expression | None"
    hint: Hint
    text: str
    blocks: "tuple[Block, ...]" = ()
    node: str | None = None
    exit_handler: bool = False

    @property
    def value(self) -> "Expression":
        """The expression of something that has a value.

        Raises:
            RecordedValueError: It is the token of a node without outputs.
        """
        if self.expression is None:
            raise RecordedValueError(
                f"{self.text} puts out nothing", at=str(user_place()), fix="name it in after=[...]"
            )
        return self.expression

    def derive(self, expression: "Expression", hint: Hint, suffix: str) -> "Proxy":
        """A proxy of a part of this."""
        return Proxy(replace(self, expression=expression, hint=hint, text=f"{self.text}{suffix}"))


class Proxy:  # noqa: PLW1641  __hash__ is among the refused, below
    """A value of a run; it has no public attribute of its own, so that no name of the user's clashes."""

    __slots__ = ("_",)

    def __init__(self, ref: Ref) -> None:
        object.__setattr__(self, "_", ref)

    def __repr__(self) -> str:
        return f"<{ref_of(self).text}>"

    def __copy__(self) -> "Proxy":
        return self

    def __deepcopy__(self, memo: Any) -> "Proxy":
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        from pipeline_lib.dsl.derivation import attribute

        return attribute(ref_of(self), name)

    def __getitem__(self, key: Any) -> Any:
        from pipeline_lib.dsl.derivation import item

        return item(ref_of(self), key)

    def __and__(self, other: Any) -> Any:
        return _join("&", self, other)

    def __rand__(self, other: Any) -> Any:
        return _join("&", other, self)

    def __or__(self, other: Any) -> Any:
        return _join("|", self, other)

    def __ror__(self, other: Any) -> Any:
        return _join("|", other, self)

    def __invert__(self) -> NoReturn:
        _refuse(self, "was negated with ~", fix="write not_(...)")

    def __eq__(self, other: object) -> Any:
        return _compare("==", self, other)

    def __ne__(self, other: object) -> Any:
        return _compare("!=", self, other)

    def __lt__(self, other: Any) -> Any:
        return _compare("<", self, other)

    def __le__(self, other: Any) -> Any:
        return _compare("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return _compare(">", self, other)

    def __ge__(self, other: Any) -> Any:
        return _compare(">=", self, other)


def ref_of(proxy: Proxy) -> Ref:
    """What a proxy stands for."""
    ref: Ref = object.__getattribute__(proxy, "_")
    return ref


def _join(op: str, left: Any, right: Any) -> Any:
    from pipeline_lib.dsl.conditions import join

    return join(op, left, right)


def _compare(op: str, left: Any, right: Any) -> Any:
    from pipeline_lib.dsl.conditions import compare

    return compare(op, left, right)


_BRANCH = "guard nodes with `with when(...)`; join conditions with &, | and not_(...)"
_COMPUTE = "compute it in a component, or make it a run parameter"
_LOOP = "loop with `for x in for_each(...)`"
_TEXT = "pass it to a component and make the text there"

_REFUSED: dict[str, tuple[str, str]] = {
    "bool": ("was used in an if, and, or, not, or a chained comparison", _BRANCH),
    "contains": ("was searched with in", _BRANCH),
    "hash": ("was used as a dict key or put into a set", "use a list; a key must be known when compiling"),
    "iter": ("was iterated over or unpacked", _LOOP),
    "reversed": ("was iterated over", _LOOP),
    "next": ("was iterated over", _LOOP),
    "len": ("was measured with len()", _COMPUTE),
    "length_hint": ("was measured", _COMPUTE),
    "str": ("was turned into text", _TEXT),
    "format": ("was turned into text", _TEXT),
    "bytes": ("was turned into bytes", _TEXT),
    "fspath": ("was used as a path", "read artifacts in a component, through artifact.path"),
    "int": ("was turned into an int", _COMPUTE),
    "float": ("was turned into a float", _COMPUTE),
    "complex": ("was turned into a number", _COMPUTE),
    "index": ("was used as an index or in range()", _COMPUTE),
    "call": ("was called", "a channel is an output, not a component"),
    "setattr": ("was given an attribute", "set properties in the component's body, on the artifact it makes"),
    "delattr": ("had an attribute deleted", "recorded values cannot be changed"),
    "setitem": ("was given an item", "recorded values cannot be changed"),
    "delitem": ("had an item deleted", "recorded values cannot be changed"),
    "enter": ("was used in a with", "use `with when(...)` for a condition"),
    "exit": ("was used in a with", "use `with when(...)` for a condition"),
    "await": ("was awaited", "components are ordinary calls"),
    "reduce_ex": ("was pickled", "recorded values live only while the pipeline is compiled"),
}
_ARITHMETIC = (
    "add sub mul matmul truediv floordiv mod divmod pow lshift rshift xor "
    "radd rsub rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rlshift rrshift rxor "
    "neg pos abs round trunc floor ceil"
)


def _refuse(proxy: Proxy, how: str, *, fix: str) -> NoReturn:
    raise RecordedValueError(
        f"{ref_of(proxy).text} {how}, but only a run knows its value", at=str(user_place()), fix=fix
    )


def _refusal(how: str, fix: str) -> Callable[..., NoReturn]:
    def refuse(self: Proxy, *_args: Any, **_kwargs: Any) -> NoReturn:
        _refuse(self, how, fix=fix)

    return refuse


for _name, (_how, _fix) in _REFUSED.items():
    setattr(Proxy, f"__{_name}__", _refusal(_how, _fix))
for _name in _ARITHMETIC.split():
    setattr(Proxy, f"__{_name}__", _refusal("was used in arithmetic", _COMPUTE))
