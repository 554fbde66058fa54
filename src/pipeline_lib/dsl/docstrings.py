"""What Google docstrings say of a function and its arguments."""

import inspect
import re

_ENTRY = re.compile(r"(?P<indent>\s+)(?P<name>\w+)(\s*\([^)]*\))?:\s*(?P<text>.*)")
_SECTION = re.compile(r"\w[\w ]*:\s*$")


def summary(docstring: str | None) -> str:
    """The first line."""
    return (docstring or "").strip().partition("\n")[0]


def argument_texts(docstring: str | None) -> dict[str, str]:
    """Descriptions under `Args:`, by name, each on one line."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    texts: dict[str, str] = {}
    inside, name, depth = False, "", 0
    for line in lines:
        if line.strip() == "Args:":
            inside = True
        elif inside and _SECTION.match(line):
            break
        elif inside and (entry := _ENTRY.match(line)) and (not name or len(entry["indent"]) <= depth):
            name, depth = entry["name"], len(entry["indent"])
            texts[name] = entry["text"].strip()
        elif inside and name and line.strip():
            texts[name] = f"{texts[name]} {line.strip()}".strip()
    return texts
