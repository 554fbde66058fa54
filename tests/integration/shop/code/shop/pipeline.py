"""One node for each component."""

from pipeline_components.schema import import_schema
from pipeline_lib import UserModule, pipeline
from shop.averaging import centre
from shop.elsewhere import outsource
from shop.judging import judge
from shop.loading import load
from shop.packing import pack
from shop.printing import print_page
from shop.scaling import scale
from shop.sharing import share


@pipeline(name="shop", tags=["test"])
def shop(
    source: str,
    schema: str,
    factor: int = 2,
    weights: list[int] = [1, 2],  # noqa: B006
    rates: dict[str, float] = {"a": 0.5, "b": 0.25},  # noqa: B006
    label: int | str = 5,
    module: UserModule = UserModule("shop.model"),
) -> None:
    """A file's sum, scaled, averaged, judged, shared, packed and printed."""
    number = load(source=source)
    scaled = scale(number, weights=weights, rates=rates, label=label, factor=factor)
    centre([number, scaled])
    judge(number, module=module)
    share(number)
    pack(number)
    print_page(number)
    outsource(number)
    import_schema(source=schema)
