"""The lines of a child's log: written with level, logger and fields, and read back."""

import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

_LINE_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_BEFORE_FIELDS = " | "
_OURS = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>[A-Z]+) (?P<logger>[\w.-]+): "
    r"(?P<text>.*)"
)
# What absl and glog write (`W1121 08:31:19.123456 140 file.py:12] text`), and what TensorFlow does
# (`2026-11-21 08:31:19.123456: W tensorflow/core/x.cc:12] text`).
_GLOG = re.compile(
    r"(?:(?P<level>[IWEF])\d{4} [\d:.]+ +\d+ |[\d-]{10} [\d:.]+: (?P<level2>[IWEF]) )"
    r"(?P<logger>[^\s:]+):\d+\] (?P<text>.*)"
)
_GLOG_LEVELS = {"I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR, "F": logging.CRITICAL}
_TRACE = "Traceback (most recent call last):"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LineFormatter(logging.Formatter):
    """One line per record: time, level, logger, text, and the record's `extra` as JSON."""

    def __init__(self) -> None:
        super().__init__(_LINE_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        """The line, before a traceback is added."""
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line = super().formatMessage(record)
        return f"{line}{_BEFORE_FIELDS}{json.dumps(extra, default=str)}" if extra else line


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """What a line says.

    Attributes:
        level: As in `logging`.
        logger: "" for what was printed.
    """

    text: str
    level: int = logging.INFO
    logger: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


class LineReader:
    """Reads a child's lines in order, because those of a traceback have its first one's level."""

    def __init__(self) -> None:
        self._in_trace = False

    def read(self, line: str) -> LogLine:
        """What the line says; one in no known form is text that was printed."""
        if found := _OURS.fullmatch(line):
            self._in_trace = False
            level = logging.getLevelNamesMapping().get(found["level"], logging.INFO)
            text, fields = _split(found["text"])
            return LogLine(text=text, level=level, logger=found["logger"], fields=fields)
        if found := _GLOG.fullmatch(line):
            self._in_trace = False
            level = _GLOG_LEVELS[found["level"] or found["level2"]]
            return LogLine(
                text=found["text"], level=level, logger=found["logger"].strip("/").replace("/", ".")
            )
        if line == _TRACE:
            self._in_trace = True
        elif self._in_trace and line and not line[0].isspace():
            self._in_trace = False  # the error itself is the last line
            return LogLine(text=line, level=logging.ERROR)
        return LogLine(text=line, level=logging.ERROR if self._in_trace else logging.INFO)


def _split(text: str) -> tuple[str, Mapping[str, Any]]:
    """A record's text, and its fields if it ends with such."""
    at = text.find(_BEFORE_FIELDS)
    while at >= 0:
        with suppress(ValueError):
            found = json.loads(text[at + len(_BEFORE_FIELDS) :])
            if isinstance(found, dict):
                return text[:at], found
        at = text.find(_BEFORE_FIELDS, at + 1)
    return text, {}
