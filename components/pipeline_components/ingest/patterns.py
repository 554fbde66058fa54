"""Patterns of source files: globs with {SPAN}, {VERSION} and {YYYY} {MM} {DD} in them."""

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from pipeline_components.errors import PatternError
from pipeline_lib.spans import date_of_span, span_of_date

_TOKEN = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_DATE = ("YYYY", "MM", "DD")
_DIGITS = {"YYYY": 4, "MM": 2, "DD": 2}
_GLOB = re.compile(r"\*\*/?|\*|\?|\[[^]]+\]")


@dataclass(frozen=True)
class Pattern:
    """A parsed pattern.

    Attributes:
        text: As written.
        widths: Digits of each token in it; None where any number of digits will do.
    """

    text: str
    widths: dict[str, int | None]

    @property
    def has_span(self) -> bool:
        """Whether it names spans, by number or by date."""
        return "SPAN" in self.widths or self.is_dated

    @property
    def is_dated(self) -> bool:
        """Whether its spans are dates."""
        return "YYYY" in self.widths

    @property
    def has_version(self) -> bool:
        """Whether it names versions."""
        return "VERSION" in self.widths

    def glob(self, *, span: int | None = None, version: int | None = None) -> str:
        """The files' glob: tokens of unknown value or width become `*`."""
        values = self._values(span, version)
        return _TOKEN.sub(lambda token: values.get(token[1], "*"), self.text)

    def _values(self, span: int | None, version: int | None) -> dict[str, str]:
        values: dict[str, str] = {}
        if span is not None and self.is_dated:
            day = date_of_span(span)
            values |= {"YYYY": f"{day.year:04d}", "MM": f"{day.month:02d}", "DD": f"{day.day:02d}"}
        if span is not None and (width := self.widths.get("SPAN")):
            values["SPAN"] = f"{span:0{width}d}"
        if version is not None and (width := self.widths.get("VERSION")):
            values["VERSION"] = f"{version:0{width}d}"
        return values

    def match(self, path: str) -> tuple[int, int] | None:
        """Span and version that a path says (0 where the pattern names none); None if it is no match."""
        found = self._regex.fullmatch(path)
        if found is None:
            return None
        values = found.groupdict()
        version = int(values.get("VERSION") or 0)
        if not self.is_dated:
            return int(values.get("SPAN") or 0), version
        try:
            day = date(*(int(values[name]) for name in _DATE))
        except ValueError:  # 2013-02-30
            return None
        return span_of_date(day), version

    def writing(self, path: str) -> tuple[str, ...]:
        """The tokens' texts in a path that matches: 1 and 01 are one span, written in two ways."""
        found = self._regex.fullmatch(path)
        return () if found is None else tuple(found.groupdict().values())

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        parts, at = [], 0
        for token in _TOKEN.finditer(self.text):
            width = self.widths[token[1]]
            digits = rf"\d{{{width}}}" if width else r"\d+"
            parts += [_glob_to_regex(self.text[at : token.start()]), f"(?P<{token[1]}>{digits})"]
            at = token.end()
        return re.compile("".join([*parts, _glob_to_regex(self.text[at:])]), re.DOTALL)


def parse_pattern(text: str) -> Pattern:
    """Read a pattern.

    Raises:
        PatternError: An unknown token, one used twice, half a date, a date beside a span, or a version alone.
    """
    widths: dict[str, int | None] = {}
    for token in _TOKEN.finditer(text):
        name, width = token[1], token[2]
        if name not in {"SPAN", "VERSION", *_DATE}:
            raise _bad(text, f"unknown {token[0]}", "use {SPAN}, {VERSION} or {YYYY} {MM} {DD}")
        if name in widths:
            raise _bad(text, f"{{{name}}} stands there twice", "use it once")
        if width is not None and (name in _DATE or not re.fullmatch(r"[1-9]\d?", width)):
            raise _bad(
                text, f"{token[0]} has no such width", "write {SPAN:3} for three digits; dates take none"
            )
        widths[name] = int(width) if width else _DIGITS.get(name)
    dated = [name for name in _DATE if name in widths]
    if dated and len(dated) < len(_DATE):
        missing = next(name for name in _DATE if name not in widths)
        raise _bad(text, f"a date needs {{{missing}}} too", "use {YYYY}, {MM} and {DD} together")
    if dated and "SPAN" in widths:
        raise _bad(text, "a date and {SPAN} exclude each other", "keep one of them")
    if "VERSION" in widths and not dated and "SPAN" not in widths:
        raise _bad(text, "{VERSION} needs a span", "add {SPAN} or {YYYY}-{MM}-{DD}")
    return Pattern(text, widths)


def _bad(text: str, what: str, fix: str) -> PatternError:
    return PatternError(f"the pattern cannot be read: {what}", at=text, fix=fix)


def _glob_to_regex(text: str) -> str:
    parts, at = [], 0
    for special in _GLOB.finditer(text):
        parts.append(re.escape(text[at : special.start()]))
        sign = special[0]
        if sign.startswith("**"):
            parts.append(r"(?:.*/)?" if sign.endswith("/") else ".*")
        elif sign in "*?":
            parts.append("[^/]*" if sign == "*" else "[^/]")
        else:
            parts.append(_set_to_regex(sign))
        at = special.end()
    return "".join([*parts, re.escape(text[at:])])


def _set_to_regex(sign: str) -> str:
    """`[!a-z]` as a regular expression; `[[]` is the bracket itself."""
    inner = sign[1:-1]
    negated = inner.startswith("!")
    escaped = inner.removeprefix("!").replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
    return f"[{'^' if negated else ''}{escaped}]"
