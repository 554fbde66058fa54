"""Answers page by page: a page, what to ask for the next, and cursors that fit only their own question."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pipeline_lib.errors import LineageQueryError
from pipeline_lib.hashing import canonical_json, digest

T = TypeVar("T")

LARGEST_PAGE = 500
_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page.

    Attributes:
        size: Items at most, 1 to 500.
        cursor: `next_cursor` of the page before, or None for the first.

    Raises:
        LineageQueryError: The size is out of its bounds.
    """

    size: int = 50
    cursor: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.size <= LARGEST_PAGE:
            raise LineageQueryError(
                "a page has no such size", got=self.size, fix=f"ask for 1 to {LARGEST_PAGE} items"
            )


FIRST_PAGE = PageRequest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some items, in an order that new items do not change.

    Attributes:
        next_cursor: Ask for the next page with it; None on the last.
    """

    items: tuple[T, ...]
    next_cursor: str | None = None


def cursor_for(question: Any, place: Mapping[str, Any]) -> str:
    """A cursor that goes on at a place of the answer to one question.

    Args:
        question: Plain JSON that tells one question from another.
        place: Plain JSON; comes back from `place_of`.
    """
    text = canonical_json({"q": _mark(question), **place})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(question: Any, page: PageRequest) -> Mapping[str, Any]:
    """Where a page begins: what `cursor_for` was given, or nothing for the first page.

    Raises:
        LineageQueryError: The cursor is none, or one of another question.
    """
    if page.cursor is None:
        return {}
    try:
        padded = page.cursor + "=" * (-len(page.cursor) % 4)
        found = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, dict) or found.pop("q", None) != _mark(question):
        raise LineageQueryError(
            "the cursor does not belong to this question", fix="ask for the first page, without a cursor"
        )
    before = found.get("before")
    if not isinstance(before, int) or isinstance(before, bool) or not 0 < before < 2**63:
        raise LineageQueryError("the cursor is damaged", fix="ask for the first page, without a cursor")
    return found


def _mark(question: Any) -> str:
    return digest("lineage-question", question)[:_DIGITS]
