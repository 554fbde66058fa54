"""The live view of a run: one line per node with its state, its time, and why."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pipeline_lib.cli.console import styled, table
from pipeline_lib.cli.terminal import interrupts_unseen
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.results import Event, NodeEnded, NodeProgress, NodeResult, NodeStep, Outcome
from pipeline_lib.wording import duration, plain

_INSTANT = (Outcome.SKIPPED, Outcome.BLOCKED, Outcome.REUSED)


@dataclass(slots=True)
class _Line:
    node: str
    state: str = "waiting"
    detail: str = ""
    started: float | None = None
    result: NodeResult | None = None
    ended_early: bool = False


class RunView:
    """Observes a run and draws it; without a terminal, one plain line per ended node.

    Args:
        plan: Gives the order of the lines.
        console: Where to draw.
        title: First line.
    """

    def __init__(self, plan: Plan, console: Console, *, title: str) -> None:
        self._lines: dict[str, _Line] = {node.id: _Line(node=node.id) for node in plan.nodes}
        self._lock = threading.Lock()
        self._console = console
        self._title = title
        self._terminal = ExitStack()
        self._live = (
            Live(get_renderable=self._render, console=console, refresh_per_second=8, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._terminal.enter_context(interrupts_unseen())
            self._live.start()
        else:
            self._console.print(self._title)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            for line in self._lines.values():
                line.ended_early = line.result is None
        if self._live is not None:
            self._live.transient = False  # erasing the last frame would miss what has left the screen
            with self._terminal:
                self._live.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Draw nothing meanwhile: somebody is asked something."""
        if self._live is not None:
            self._live.stop()
        try:
            yield
        finally:
            if self._live is not None:
                self._live.start()

    def __call__(self, event: Event) -> None:
        """Take in one event; called from several threads."""
        with self._lock:
            match event:
                case NodeStep():
                    line = self._line(str(event.key), event.key.node)
                    line.started = line.started or time.perf_counter()
                    line.state, line.detail = str(event.step), event.detail
                case NodeProgress():
                    self._line(str(event.key), event.key.node).detail = progress_text(event.progress)
                case NodeEnded():
                    line = self._line(str(event.result.key), event.result.key.node)
                    line.result = event.result
                    if self._live is None and event.result.outcome is not Outcome.LEFT_OUT:
                        self._console.print(_plain_line(event.result))

    def _line(self, name: str, node: str) -> _Line:
        """The line of a node or an iteration; the first iteration takes its node's line."""
        if name not in self._lines:
            ordered = list(self._lines.items())
            place = max((i for i, (_, line) in enumerate(ordered) if line.node == node), default=len(ordered))
            unused = place < len(ordered) and ordered[place][0] == node
            ordered[place if unused else place + 1 : place + 1] = [(name, _Line(node=node))]
            self._lines = dict(ordered)
        return self._lines[name]

    def _render(self) -> RenderableType:
        rows = table("node", "state", "time", "why", whole=["node", "state", "time"], right=["time"])
        for name, line in list(self._lines.items()):
            if line.result is None or line.result.outcome is not Outcome.LEFT_OUT:
                _add_row(rows, name, line)
        return Group(Text(self._title, style="bold"), rows)


def _add_row(rows: Table, name: str, line: _Line) -> None:
    if line.result is not None:
        outcome = line.result.outcome
        took = duration(line.result.seconds) if outcome not in _INSTANT else ""
        rows.add_row(name, styled(str(outcome)), took, _why(line.result))
    elif line.ended_early:
        rows.add_row(name, styled("canceled" if line.started is not None else "left out"), "", "")
    elif line.started is not None:
        busy = Spinner("dots", text=line.state, style="yellow")
        rows.add_row(name, busy, duration(time.perf_counter() - line.started), Text(line.detail, "dim"))
    else:
        rows.add_row(name, Text("waiting", "dim"), "", "")


def _why(result: NodeResult) -> Text:
    again = f"try {result.tries}: " if result.tries > 1 else ""
    return Text(again + result.reason, style="red" if result.error is not None else "")


def _plain_line(result: NodeResult) -> Text:
    return Text.assemble(
        f"  {result.key!s:24} ",
        styled(str(result.outcome)),
        " " * (9 - len(result.outcome)),
        f" {duration(result.seconds):>9}  ",
        _why(result),
    )


def progress_text(progress: Mapping[str, Any]) -> str:
    """`epoch 3/10, loss 0.412` from `{"epoch": 3, "epochs": 10, "loss": 0.41234}`."""
    totals = {f"{name}s" for name in progress}
    return ", ".join(
        f"{name} {plain(value)}" + (f"/{plain(progress[f'{name}s'])}" if f"{name}s" in progress else "")
        for name, value in progress.items()
        if name not in totals and name != "seconds"
    )
