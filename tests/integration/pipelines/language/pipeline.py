"""Pipelines, one for each part of the language."""

from collections.abc import Sequence
from datetime import date

from language.components import Look, Note, Style, bundle, reply, write
from pipeline_lib import either, exists, for_each, importer, latest, not_, otherwise, pipeline, required, when


@pipeline(name="branches")
def branches(score: float, style: Style = Style.PLAIN, force: bool = False) -> None:
    """if, elif, else, and what may be merged after them."""
    first = write(text="first", score=score)
    with when((first.score > 0.5) | force):
        high = reply(first, text="high")
        with when(not_(force)):
            reply.options(id="not_forced")(high)
    with otherwise(style == Style.FANCY):
        middle = reply(first, text="middle")
    with otherwise():
        low = reply(first, text="low")
    reply.options(id="merged")(either(high, middle, low))
    reply.options(id="with_high")(first, high)


@pipeline(name="loops")
def loops(words: Sequence[str] = ("a", "b"), scores: Sequence[float] = (0.1, 0.9)) -> None:
    """Loops in loops, conditions in loops, lists of both."""
    base = write(text="base")
    inner = []
    for word in for_each(words):
        for score in for_each(scores):
            note = write.options(id="each")(text=word, score=score)
            with when(note.score > 0.5):
                answer = reply(note)
            inner.append(answer)
        bundle.options(id="of_word")([note])
    bundle.options(id="everything")([base, *inner])


@pipeline(name="structures")
def structures(day: date, look: Look = Look(), sizes: dict[str, float] = {"big": 3.0}) -> None:  # noqa: B006, B008
    """Parts of parameters and of properties, put together anew."""
    first = write(text="first", look=Look(style=look.style, size=sizes["big"], words=look.words), day=day)
    with when(first.tags["size"] >= 3):
        write.options(id="second")(text=first.text, score=first.score, look=look)


@pipeline(name="optional")
def optional(uri: str) -> None:
    """Imported, remembered, and perhaps absent artifacts."""
    brought = importer(Note, uri, properties={"text": "brought"})
    old = latest(Note)
    with when(exists(old)):
        reply.options(id="on_old")(required(old))
    with otherwise():
        reply.options(id="on_new")(brought, old)
