"""`importer`: files that exist already, as an artifact of the run."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.dsl.places import user_place

A = TypeVar("A", bound=Artifact)


def importer(
    kind: type[A],
    uri: str,
    *,
    id: str | None = None,  # noqa: A002
    after: Sequence[object] = (),
    properties: dict[str, Any] | None = None,
) -> A:
    """Bring existing files into the pipeline; the same content is recorded once.

    Args:
        kind: The artifact class the files are of.
        uri: A directory or a URL that fsspec knows; a run parameter will do.
        id: The node's id; by default `import_<kind>`.
        after: Results of calls that must end first.
        properties: The artifact's properties.

    Raises:
        OutsidePipelineError: No pipeline is being recorded.
        WireTypeError: `kind` is no artifact class.
        ParameterTypeError: A property has another type, or a needed one is missing.
        UnknownPropertyError: The class has no such property.
    """
    place = user_place()
    from pipeline_lib.dsl.component import recorder_for
    from pipeline_lib.dsl.importing import place_importer

    recorder = recorder_for("importer", place)
    placed = place_importer(
        recorder, place, kind, uri, wanted_id=id, after=after, properties=properties or {}
    )
    return cast("A", placed)


importer.__recorded__ = True  # type: ignore[attr-defined]
