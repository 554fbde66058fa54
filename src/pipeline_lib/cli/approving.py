"""Approval on a command line: given beforehand by an option, or asked for on the terminal."""

import getpass
import select
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pipeline_lib.cli.console import table
from pipeline_lib.errors import SelectionError
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.approvals import Answer, Decision, Question
from pipeline_lib.runtime.selection import known_nodes
from pipeline_lib.wording import plain

_SHOWN_PROPERTIES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLineApprover:
    """Answers for the user who called the command.

    Attributes:
        approved, rejected: Nodes about which they said so beforehand.
        comment: What they said with it.
        terminal: Where to ask about others; None: nobody is there.
        quiet: Keeps other output off the terminal meanwhile.
    """

    approved: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    comment: str = ""
    terminal: Console | None = None
    quiet: Callable[[], AbstractContextManager[None]]
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, question: Question) -> Answer | None:
        """The answer, or None if there is nobody to ask."""
        node = question.key.node
        if node in self.approved or node in self.rejected:
            decision = Decision.APPROVED if node in self.approved else Decision.REJECTED
            return _answer(decision, comment=self.comment)
        if self.terminal is None:
            return None
        with self._one_at_a_time, self.quiet():
            return _asked(self.terminal, question)


def checked_names(plan: Plan, names: Iterable[str]) -> frozenset[str]:
    """The names, every one of them a node that needs approval.

    Raises:
        SelectionError: One is not.
    """
    found = frozenset(known_nodes(plan, names))
    asking = [node.id for node in plan.nodes if node.options.approval is not None]
    if needless := sorted(found - set(asking)):
        raise SelectionError(
            f"{needless[0]} needs no approval",
            needing=", ".join(asking) or "none",
            fix="leave it out, or declare it: .options(approval=Approval())",
        )
    return found


def _asked(terminal: Console, question: Question) -> Answer:
    terminal.print(_shown(question))
    seconds = question.rule.timeout_seconds
    limit = "" if seconds is None else f", within {seconds:g} s"
    terminal.print(f"approve? y, or n, and why{limit}: ", end="")
    line = _line(seconds)
    if line is None:
        terminal.print("no answer")
        return Answer(decision=Decision.TIMED_OUT, at=datetime.now(UTC))
    word, _, comment = line.strip().partition(" ")
    agreed = word.rstrip(",:").lower() in ("y", "yes")
    return _answer(Decision.APPROVED if agreed else Decision.REJECTED, comment=comment.strip())


def _answer(decision: Decision, *, comment: str) -> Answer:
    return Answer(decision=decision, by=getpass.getuser(), comment=comment, at=datetime.now(UTC))


def _line(seconds: float | None) -> str | None:
    """What is typed; None if nothing is in time, or nobody can type."""
    sys.stdout.flush()
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return (sys.stdin.readline() or None) if ready else None


def _shown(question: Question) -> RenderableType:
    rows = table("reads", "", "")
    for port, artifacts in question.inputs.items():
        for artifact in artifacts:
            told = plain(dict(artifact.properties))
            rows.add_row(port, f"{artifact.type_name} {artifact.id}", told[:_SHOWN_PROPERTIES])
    message = [Text(question.rule.message)] if question.rule.message else []
    return Group(Text(question.subject, style="bold"), *message, rows)
