"""Files and spans: what entered a pipeline from outside, as the executions' parameters tell it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from pipeline_lib.errors import LineageQueryError
from pipeline_lib.metadata.marks import hashed_files
from pipeline_lib.metadata.records import StoredArtifact, StoredExecution
from pipeline_lib.spans import span_of_date
from pipeline_lib.wording import span_text


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SourceFile:
    """A file that an execution read from outside.

    Attributes:
        name: As the execution recorded it.
        sha256: Of its content, hex.
        size_bytes: None where it was not recorded.
        node: That read it.
        execution_id: That read it first.
        source: The pattern or path that the pipeline was given.
    """

    node: str
    name: str
    sha256: str
    size_bytes: int | None
    execution_id: int
    source: str


def source_files(executions: Iterable[StoredExecution]) -> tuple[SourceFile, ...]:
    """Every file with a hash in the parameters of these executions, by node and name."""
    return tuple(sorted(file for execution in executions for file in _files(execution)))


def _files(execution: StoredExecution) -> Iterator[SourceFile]:
    source = str(execution.parameters.get("source", ""))
    for record in hashed_files(dict(execution.parameters)):
        size = record.get("size")
        yield SourceFile(
            node=str(execution.key),
            name=str(record.get("name", source)),
            sha256=str(record["sha256"]),
            size_bytes=size if isinstance(size, int) else None,
            execution_id=execution.id,
            source=source,
        )


def spans_of(artifacts: Iterable[StoredArtifact]) -> tuple[int, ...]:
    """The spans of the examples among these artifacts, ascending."""
    spans = {artifact.properties.get("span") for artifact in artifacts if artifact.type_name == "Examples"}
    return tuple(sorted(span for span in spans if isinstance(span, int)))


def span_number(text: str) -> int:
    """A span given as a number, or as the ISO date of a day.

    Raises:
        LineageQueryError: It is neither.
    """
    try:
        return int(text) if text.isdecimal() and text.isascii() else span_of_date(date.fromisoformat(text))
    except ValueError as error:
        raise LineageQueryError(
            f"{text!r} is no span", needs="2013-06-14 or a number", fix="give one day"
        ) from error


def spans_text(spans: Iterable[int]) -> str:
    """Spans as people read them: each stretch without a gap as its ends."""
    stretches: list[list[int]] = []
    for span in sorted(set(spans)):
        if stretches and span == stretches[-1][-1] + 1:
            stretches[-1].append(span)
        else:
            stretches.append([span])
    return ", ".join(
        f"{span_text(some[0])} to {span_text(some[-1])}" if len(some) > 2 else ", ".join(map(span_text, some))
        for some in stretches
    )
