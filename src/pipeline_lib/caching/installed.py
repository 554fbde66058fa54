"""Which installed distribution a file of site-packages belongs to, and which distributions are heavy."""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline_lib.caching.memo import read_json, write_json

_VERSION = 1
_SETTLED_NS = 2_000_000_000
HEAVY_NATIVE_BYTES = 16_000_000
"""Native code from which on importing is worth doing once: numpy has 53 MB, tensorflow 1261, grpc 17."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """An installed distribution.

    Attributes:
        name: Normalised: lower case, hyphens.
        version: As installed. For one from a directory, an archive or a repository, where the version says
            little, it ends in a digest of what was installed: `1.0+files.1f2e3d4c5b6a`.
        native_bytes: Size of its shared libraries.
        requires: Names of what it needs without extras.
    """

    name: str
    version: str
    native_bytes: int = 0
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The distributions of one site-packages directory.

    Attributes:
        owners: Distributions by path below the directory; the longest prefix of a file's path counts.
    """

    directory: str
    distributions: Mapping[str, Distribution] = field(default_factory=dict)
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def owner(self, file: str) -> tuple[Distribution, ...]:
        """The distributions a file (or a directory) belongs to; several share a namespace; none: no one's."""
        path = path_below(self.directory, file)
        while path:
            if path in self.owners:
                return tuple(self.distributions[name] for name in self.owners[path])
            path = path.rpartition("/")[0]
        return ()

    def heavy(self, name: str) -> bool:
        """Whether importing the distribution is slow enough to be done once, in the executor host.

        It is if it installs 16 MB of native code, or directly requires one that does: tensorflow, pyarrow
        and numpy by the first half, keras, apache-beam and tensorflow-transform by the second.
        """
        found = self.distributions.get(name)
        if found is None:
            return False
        candidates = [found, *(self.distributions.get(required) for required in found.requires)]
        return any(c is not None and c.native_bytes >= HEAVY_NATIVE_BYTES for c in candidates)


def path_below(directory: str, path: str) -> str:
    """The rest of a path that begins with a directory; `os.path.relpath` takes ten times as long."""
    return path.removeprefix(os.path.join(directory, ""))  # noqa: PTH118


def installed(directory: str, memo_directory: Path | None) -> Installed:
    """The distributions of a site-packages directory, remembered until something is installed or removed.

    Args:
        directory: A directory on the import path.
        memo_directory: Where the answer is kept between processes; None: nowhere.
    """
    modified = os.stat(directory).st_mtime_ns  # noqa: PTH116
    if time.time_ns() - modified < _SETTLED_NS:  # it may change again within one tick of the clock
        return read_installed(directory)
    return _remembered(directory, modified, memo_directory)


@lru_cache(maxsize=16)
def _remembered(directory: str, modified: int, memo_directory: Path | None) -> Installed:
    tag = hashlib.sha256(directory.encode()).hexdigest()[:12]
    file = memo_directory / f"distributions-{tag}.json" if memo_directory is not None else None
    record = read_json(file) if file is not None else None
    expected = [_VERSION, directory, modified]
    if isinstance(record, dict) and record.get("of") == expected:
        return _from_json(directory, record)
    found = read_installed(directory)
    if file is not None:
        write_json(file, {"of": expected, **_as_json(found)})
    return found


def read_installed(directory: str) -> Installed:
    """Read every distribution's RECORD (0.1 s for 440 distributions)."""
    distributions: dict[str, Distribution] = {}
    records: dict[str, list[str]] = {}
    tops: dict[str, list[str]] = {}
    for entry in sorted(os.listdir(directory)):  # noqa: PTH208
        if not entry.endswith(".dist-info"):
            continue
        name, _, version = entry.removesuffix(".dist-info").partition("-")
        name = normalised(name)
        folder = Path(directory, entry)
        try:
            lines = (folder / "RECORD").read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        if (folder / "direct_url.json").exists():
            version += f"+files.{_content_digest(lines)}"
        distributions[name] = Distribution(
            name=name, version=version, native_bytes=_native_bytes(lines), requires=_requires(folder)
        )
        records[name] = lines
        for top in {line.partition(",")[0].partition("/")[0] for line in lines}:
            if top not in ("..", "__pycache__") and not top.endswith((".dist-info", ".pth")):
                tops.setdefault(top, []).append(name)
    owners: dict[str, tuple[str, ...]] = {top: tuple(names) for top, names in tops.items() if len(names) == 1}
    shared: dict[str, list[tuple[str, str]]] = {top: [] for top, names in tops.items() if len(names) > 1}
    for name in dict.fromkeys(name for top in shared for name in tops[top]):
        for line in records[name]:
            top, _, below = line.partition(",")[0].partition("/")
            if top in shared:
                shared[top].append((below, name))
    _divide("", shared, owners)
    return Installed(directory=directory, distributions=distributions, owners=owners)


def _native_bytes(lines: Iterable[str]) -> int:
    """Size of the shared libraries of a RECORD: `path,hash,size` in each line."""
    native = 0
    for line in lines:
        if ".so" in line:
            path, _, rest = line.partition(",")
            if path.endswith(".so") or ".so." in path:
                native += int(rest.rpartition(",")[2] or 0)
    return native


def normalised(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _divide(
    prefix: str, groups: Mapping[str, list[tuple[str, str]]], owners: dict[str, tuple[str, ...]]
) -> None:
    """Give each path to its only owner; where several share a directory, look below it."""
    for name, members in groups.items():
        path = f"{prefix}{name}"
        names = {owner for _, owner in members}
        leaves = {owner for below, owner in members if not below}
        if len(names) == 1 or leaves:
            owners[path] = tuple(sorted(names if len(names) == 1 else leaves))
            continue
        inner: dict[str, list[tuple[str, str]]] = {}
        for below, owner in members:
            top, _, rest = below.partition("/")
            if top != "__pycache__":
                inner.setdefault(top, []).append((rest, owner))
        _divide(f"{path}/", inner, owners)


def _requires(folder: Path) -> tuple[str, ...]:
    names = []
    try:
        with (folder / "METADATA").open(encoding="utf-8") as lines:
            for line in lines:
                if not line.strip():
                    break
                if line.startswith("Requires-Dist:") and "extra ==" not in line:
                    match = re.match(r"[A-Za-z0-9._-]+", line.partition(":")[2].strip())
                    names.extend([normalised(match[0])] if match else [])
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(dict.fromkeys(names))


def _content_digest(lines: Iterable[str]) -> str:
    # Launch scripts and dist-info name the place of installation: the same files elsewhere are the same.
    kept = sorted(
        line
        for line in lines
        if ".dist-info/" not in line and "__pycache__" not in line and line[:3] != "../"
    )
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()[:12]


def _as_json(found: Installed) -> dict[str, Any]:
    return {
        "distributions": [
            [d.name, d.version, d.native_bytes, list(d.requires)] for d in found.distributions.values()
        ],
        "owners": {path: list(names) for path, names in found.owners.items()},
    }


def _from_json(directory: str, record: Mapping[str, Any]) -> Installed:
    distributions = {
        name: Distribution(name=name, version=version, native_bytes=native, requires=tuple(requires))
        for name, version, native, requires in record["distributions"]
    }
    owners = {path: tuple(names) for path, names in record["owners"].items()}
    return Installed(directory=directory, distributions=distributions, owners=owners)


def direct_editables(directory: str, entries: Iterable[str]) -> dict[str, str]:
    """Packages that setuptools maps into place by a finder module, by name: `{"pkg": "/src/pkg"}`.

    Editable installs by path (`.pth`) need nothing: their directories are on `sys.path`.
    """
    found: dict[str, str] = {}
    for entry in entries:
        if not (entry.startswith("__editable___") and entry.endswith("_finder.py")):
            continue
        text = Path(directory, entry).read_text(encoding="utf-8")
        match = re.search(r"^MAPPING\b[^=]*=\s*(\{.*\})\s*$", text, flags=re.MULTILINE)
        if match is not None:
            try:
                found.update(json.loads(match[1].replace("'", '"')))
            except ValueError:
                continue
    return found
