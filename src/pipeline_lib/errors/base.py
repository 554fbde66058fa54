"""The base of every error a user can act on: a code, the thing, the place and the fix."""

from typing import Any, ClassVar, Self


class PipelineError(Exception):
    """Base of every error a user can act on.

    Args:
        summary: One sentence that names the thing.
        fix: What to do about it, one line.
        at: The place: `file:line`, a path, `node.port` or a uri.
        facts: Named details, printed in the order given (`needs=...`, `got=...`).
    """

    code: ClassVar[str] = "PL000"

    def __init__(self, summary: str, /, *, fix: str, at: str | None = None, **facts: object) -> None:
        self.summary = summary
        self.fix = fix
        self.at = at
        self.facts = {name: str(value) for name, value in facts.items() if value is not None}
        super().__init__(summary)

    def __str__(self) -> str:
        rows = {**self.facts, "at": self.at, "fix": self.fix}
        shown = {name: text for name, text in rows.items() if text}
        width = max((len(name) for name in shown), default=0) + 1
        lines = [f"[{self.code}] {self.summary}"]
        for name, text in shown.items():
            indented = text.replace("\n", "\n" + " " * (width + 3))
            lines.append(f"  {name + ':':<{width}} {indented}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.summary, self.fix, self.at, self.facts)

    def as_json(self) -> dict[str, Any]:
        """The error as plain JSON, for `--json` output and the executor's response file."""
        return {
            "code": self.code,
            "summary": self.summary,
            "facts": self.facts,
            "at": self.at,
            "fix": self.fix,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Rebuild from `as_json`, as an instance of the class called that keeps the recorded code."""
        error = cls(record["summary"], fix=record["fix"], at=record.get("at"), **record.get("facts", {}))
        if record["code"] != cls.code:
            error.__dict__["code"] = record["code"]
        return error


def _rebuild(
    cls: type[PipelineError], summary: str, fix: str, at: str | None, facts: dict[str, str]
) -> PipelineError:
    return cls(summary, fix=fix, at=at, **facts)
