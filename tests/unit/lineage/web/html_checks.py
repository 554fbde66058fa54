"""What every page has to have, read with the standard library's parser."""

from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

from fastapi.testclient import TestClient

FIRST = ("/", "/runs", "/models", "/artifacts", "/serving", "/compare", "/impact", "/search?q=Model")

_VOID = {"meta", "link", "img", "input", "br", "hr"}


def crawl(client: TestClient, most: int = 250) -> Iterator[tuple[str, str]]:
    """Every page that the pages link to, with its text."""
    waiting, seen = list(FIRST), set(FIRST)
    while waiting and len(seen) < most:
        place = waiting.pop(0)
        answer = client.get(place)
        assert answer.status_code == 200, (place, answer.text)
        yield place, answer.text
        for link in Page(answer.text).links if "/reports/" not in place else ():
            place = link.partition("#")[0]
            if place.startswith("/") and place not in seen:
                seen.add(place)
                waiting.append(place)


class Page(HTMLParser):
    """Links, headings, ids, and what is wrong for somebody who cannot see the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.headings: list[int] = []
        self.ids: Counter[str] = Counter()
        self.referred: list[str] = []
        self.landmarks: set[str] = set()
        self.problems: list[str] = []
        self._open: list[str] = []
        self._labelled = False
        self.feed(text)
        self.close()
        self.problems += [f"{name} is not closed" for name in self._open]
        self.problems += [f"two things have the id {name}" for name, count in self.ids.items() if count > 1]
        self.problems += [f"nothing has the id {name}" for name in self.referred if name not in self.ids]

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in given}
        if tag not in _VOID and tag not in ("option", "path", "rect", "circle"):
            self._open.append(tag)
        if tag in ("main", "header", "nav", "footer"):
            self.landmarks.add(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        self.ids.update([told["id"]] if "id" in told else [])
        self.referred += told.get("aria-labelledby", "").split() + told.get("aria-describedby", "").split()
        self.referred += [told["for"]] if "for" in told else []
        if "href" in told and tag == "a":
            self.links.append(told["href"])
            self.referred += [told["href"][1:]] if told["href"].startswith("#") else []
        if tag == "label":
            self._labelled = True
        if tag in ("input", "select") and not (self._labelled or "aria-label" in told or "id" in told):
            self.problems.append(f"{tag} {told.get('name')} has no label")
        if tag == "script" and "src" not in told:
            self.problems.append("a script stands in the page")
        if tag == "iframe" and told.get("sandbox") != "":
            self.problems.append("a frame may do more than show")
        if tag == "img" and "alt" not in told:
            self.problems.append("an image has no text")
        if tag == "th" and "scope" not in told:
            self.problems.append("a heading of a table has no scope")
        self.problems += [
            f"{name} stands in the page" for name in told if name == "style" or name.startswith("on")
        ]

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._labelled = False
        if tag in self._open:
            while self._open and self._open.pop() != tag:
                pass
