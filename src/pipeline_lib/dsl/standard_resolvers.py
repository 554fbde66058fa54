"""Resolvers that most pipelines need: the last spans, the newest artifact, the last blessed model."""

from typing import TypeVar

from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.artifacts.standard import ModelBlessing
from pipeline_lib.dsl.resolvers import History, resolver
from pipeline_lib.errors import ResolutionError

A = TypeVar("A", bound=Artifact)

_VERSIONS_PER_SPAN = 10  # re-deliveries of one span that we look through


@resolver
def rolling_window(history: History, of: A, *, spans: int, minimum: int = 1) -> list[A]:
    """The newest artifact of each of the last spans up to the one given, oldest first.

    Args:
        history: The metadata store's.
        of: The newest of the window: its node and port say which artifacts count, its span where to end.
        spans: Length of the window in spans (days, for dates); spans without data are left out.
        minimum: Fewest spans that will do.

    Raises:
        ResolutionError: There are fewer, or `of` has no span.
    """
    last = _span(of)
    found = history.artifacts(
        type(of), like=of, spans=(last - spans + 1, last), limit=spans * _VERSIONS_PER_SPAN
    )
    newest = {last: of}
    for artifact in found:
        newest.setdefault(_span(artifact), artifact)
    if len(newest) < minimum:
        raise ResolutionError(
            f"rolling_window found {len(newest)} of the {minimum} spans it needs",
            got=", ".join(str(span) for span in sorted(newest)),
            needs=f"{minimum} of the spans {last - spans + 1} to {last}",
            fix="run the pipeline for the missing spans first, or lower minimum",
        )
    return [newest[span] for span in sorted(newest)]


@resolver
def latest(history: History, of: A | type[A], *, before_this_span: bool = False) -> A | None:
    """The newest artifact, made by any run, or None if there is none yet.

    Args:
        history: The metadata store's.
        of: A class, for any artifact of that type in this pipeline; or an artifact, for an earlier one that
            the same node made under the same port.
        before_this_span: Only from runs of earlier spans than this run's.
    """
    if isinstance(of, type):
        found = history.artifacts(of, before_this_span=before_this_span, limit=1)
        return found[0] if found else None
    earlier = history.artifacts(type(of), like=of, before_this_span=before_this_span, limit=10)
    return next((artifact for artifact in earlier if artifact.id != of.id), None)


@resolver
def latest_blessed(history: History, kind: type[A], *, other_than: A | None = None) -> A | None:
    """The newest blessed model, or None if none was blessed yet.

    Of a run that has a span only models of earlier spans count, so that a run of an old day is not compared
    with models of its future.

    Args:
        history: The metadata store's.
        kind: The model's class.
        other_than: Not this one, nor one with its content: a model is not its own baseline.
    """
    earlier = history.span is not None
    blessings = history.artifacts(ModelBlessing, before_this_span=earlier, equal={"blessed": True})
    for blessing in blessings:
        model_id = blessing.current_model_id
        model = history.artifact(kind, model_id) if model_id is not None else None
        if model is not None and not _same(model, other_than):
            return model
    return None


def _same(model: Artifact, other: Artifact | None) -> bool:
    return other is not None and (
        model.id == other.id or (model.digest != "" and model.digest == other.digest)
    )


def _span(artifact: Artifact) -> int:
    span = artifact.property_values().get("span")
    if not isinstance(span, int):
        raise ResolutionError(
            f"rolling_window cannot tell the span of {artifact!r}",
            fix="pass artifacts with a property `span`, as Examples has",
        )
    return span
