"""What a benchmark says: two figures of one run, their ratio, the goal; and how processes are timed."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

_FINE = ("s", "ms", "cores")
"""Units whose figures are small enough for decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One line of the report. The ratio is ours / other with `at_most`, else how many times we are ahead.

    Attributes:
        ours: Samples, seconds unless `unit` says otherwise; the median counts.
        other: Samples of the peer or floor named `beside`, from the same run.
        at_most: Goal of ours / other.
        at_least: Goal of other / ours for seconds, of ours / other for a rate.
    """

    what: str
    beside: str
    ours: Sequence[float]
    other: Sequence[float]
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float:
        ours, other = statistics.median(self.ours), statistics.median(self.other)
        return other / ours if self.at_least is not None and self.unit == "s" else ours / other

    @property
    def reached(self) -> bool:
        if self.at_least is not None:
            return self.ratio >= self.at_least
        return self.at_most is None or self.ratio <= self.at_most

    def cells(self) -> tuple[str, ...]:
        """What, ours, beside, theirs, ratio, goal, whether it is reached."""
        if self.at_least is not None:
            ratio, goal = f"{self.ratio:.2g} x ahead", f"at least {self.at_least:g} x"
        else:
            ratio, goal = f"{self.ratio:.3f}", "" if self.at_most is None else f"at most {self.at_most:g}"
        reached = ("yes" if self.reached else "no") if goal else ""
        return (
            self.what,
            told(self.ours, self.unit),
            self.beside,
            told(self.other, self.unit),
            ratio,
            goal,
            reached,
        )


def told(samples: Sequence[float], unit: str) -> str:
    """The median, and the range if there are several."""
    form = ",.0f" if unit not in _FINE else ".1f" if statistics.median(samples) >= 10 else ".2f"
    text = f"{statistics.median(samples):{form}} {unit}"
    if len(samples) == 1:
        return text
    return f"{text} ({min(samples):{form}} to {max(samples):{form}})"


@dataclass(slots=True)
class Report:
    """Comparisons by heading, in the order they were made."""

    chapters: dict[str, list[Comparison]] = field(default_factory=dict)

    def add(self, heading: str, comparison: Comparison) -> None:
        """Keep a comparison and print it."""
        self.chapters.setdefault(heading, []).append(comparison)
        what, ours, beside, other, ratio, goal, reached = comparison.cells()
        print(
            f"\n{heading}: {what}: {ours} beside {beside} {other}: {ratio}; goal {goal or '-'} {reached}",
            flush=True,
        )

    def markdown(self, *, quick: bool, before: str = "") -> str:
        """The page docs/benchmarks.md.

        Args:
            quick: Whether everything was measured but once.
            before: The page so far: what `make bench-scale` measures stays there when it is not measured
                now, and so does everything else when that is all that is measured.
        """
        preface, *old = before.split("\n## ")
        is_scale = all(SCALE_COMMAND in heading for heading in self.chapters)
        if not (is_scale and old):
            scope = "; a quick run, each once" if quick else ""
            preface = PREFACE.format(machine=machine(), scope=scope)
        kept = [
            text
            for text in old
            if (heading := text.partition("\n")[0]) not in self.chapters
            and (is_scale or SCALE_COMMAND in heading)
        ]
        made = [_chapter(heading, comparisons) for heading, comparisons in self.chapters.items()]
        texts = [*kept, *made] if is_scale else [*made, *kept]
        return "\n\n## ".join(text.strip() for text in (preface, *texts)) + "\n"


def _chapter(heading: str, comparisons: Iterable[Comparison]) -> str:
    lines = [heading, "", "| what | ours | beside | theirs | ratio | goal | reached |"]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(comparison.cells()) + " |" for comparison in comparisons]
    return "\n".join(lines)


SCALE_COMMAND = "make bench-scale"
"""In the headings of chapters that `make bench` does not measure."""

PREFACE = """# Benchmarks

Written by `make bench`. Every line compares two figures of one run on one machine, taken in turns: the
median, and in brackets the range. *TFX* is TFX 1.16's LocalDagRunner in an environment of its own; *bare
libraries* is a script of library calls without any framework (`tests/benchmarks/peers/`). Both environments
have compiled bytecode. *Cold* means that no executor host runs when the command is typed, *warm* that one
does; the whole process is timed, from the command's start to its end. A *node* is timed from being ready
until its outputs are published, as a component of TFX is; a *body* is what runs in the node's own process,
and stands beside calls that have a fresh process, too, with all libraries imported.

{machine}{scope}
"""


def machine() -> str:
    """Cores, memory, versions."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A process that ended well: its seconds, and the JSON on its last line."""

    seconds: float
    answer: Any


def timed(
    command: Iterable[str | Path], *, cwd: Path, log: Path, environ: Mapping[str, str] | None = None
) -> Finished:
    """Run a process to its end; its errors go to `log`."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", **(environ or {})}
    with log.open("wb") as errors:
        started = time.perf_counter()
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            check=False,
        )
        seconds = time.perf_counter() - started
    text = done.stdout.decode()
    if done.returncode:
        raise AssertionError(
            f"{command} ended with {done.returncode}:\n{text[-2000:]}{log.read_text()[-4000:]}"
        )
    return Finished(seconds=seconds, answer=answer(text))


def answer(text: str) -> Any:
    """All of the text if it is JSON, else its last line."""
    for part in (text, text.strip().rpartition("\n")[2]):
        try:
            return json.loads(part)
        except ValueError:
            continue
    return None
