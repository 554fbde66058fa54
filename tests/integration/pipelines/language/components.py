"""Components that write down what they were given."""

import enum
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date

from pipeline_lib import Artifact, component


class Note(Artifact):
    """What a component was given, as `note.json` and, in short, as a property."""

    text: str
    score: float = 0.0
    tags: dict[str, int] = {}


class Style(enum.Enum):
    """How."""

    PLAIN = "plain"
    FANCY = "fancy"


@dataclass(frozen=True)
class Look:
    """A structured parameter."""

    style: Style = Style.PLAIN
    size: float = 1.0
    words: tuple[str, ...] = field(default=())


@component
def write(*, text: str = "", score: float = 0.0, look: Look = Look(), day: date | None = None) -> Note:
    """A note."""
    made = Note.new(text=text, score=score, tags={"size": int(look.size)})
    known = asdict(look) | {"style": look.style.value, "day": day and day.isoformat()}
    (made.path / "note.json").write_text(json.dumps(known))
    return made


@component
def reply(to: Note, old: Note | None = None, *, text: str = "re") -> Note:
    """A note on a note."""
    return Note.new(text=f"{text}:{to.text}+{old.text if old else '-'}", score=to.score + 1)


@component
def bundle(notes: Sequence[Note]) -> Note:
    """All of them, in order."""
    return Note.new(text=",".join(note.text for note in notes), score=float(len(notes)))
