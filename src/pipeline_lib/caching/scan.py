"""One static scan of imports: the source and the distributions that a component's code consists of.

What counts:

- A module in an installed distribution counts by the distribution's name and version. Any other module that
  is not Python's own is first-party: the bytes of its source count, comments and docstrings included, because
  code can read its own source (AutoGraph does) and because `sha256sum` then answers what the key asks.
- `pipeline_components` counts by source even when installed; `pipeline_lib` not at all (a change of its
  contract raises the key's own version).
- Modules count whole. Of two components in one module, an edit of one changes the keys of both.
- An `__init__.py` that only imports, passes names on and documents is a facade: its text does not count, but
  where it takes a name from that is asked of it; and of the names that it passes on (also by `__getattr__`,
  from a literal table) only those count that are asked for: what the modules of the others do when they are
  imported is taken not to matter. What it imports as modules (`import x`, `from . import x`) runs with it and
  counts. An `__init__.py` that does anything else counts like any module.
- Imports inside functions count like others; those under `if TYPE_CHECKING` do not.

A name computed at run time (`import_module(f"...")`) cannot be seen: `depends_on` adds it.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pipeline_lib.caching.finder import Finder, Found
from pipeline_lib.caching.imports import Import, SourceFacts
from pipeline_lib.caching.installed import Distribution, Installed, installed
from pipeline_lib.caching.memo import SourceMemo

LIBRARY = "pipeline_lib"
COMPONENTS = "pipeline_components"
_NAMESPACE = SourceFacts(digest="", facade=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdParty:
    """A module of an installed distribution that the code imports.

    Attributes:
        module: Dotted, as far as it names a file.
        heavy: Whether the distribution is slow to import (see `Installed.heavy`).
    """

    module: str
    distribution: str
    heavy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeScan:
    """The code behind a component.

    Attributes:
        files: Sha256 by path below the entry of the search path that the file was found under.
        sources: Sha256 of the modules among them, by their path on this machine.
        distributions: Versions by normalised name.
        third_party: Modules of installed distributions, by name; also those that `pipeline_lib` imports on
            the code's behalf, which do not count.
        names: Of each facade that a name was asked of, `path:name`, and where it takes it from:
            `package.module:name`.
        places: What a user's module was called in the parameters, if that is a path, and what it is called
            on every machine.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    distributions: Mapping[str, str] = field(default_factory=dict)
    third_party: tuple[ThirdParty, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)


def heavy_modules(scan: CodeScan) -> tuple[str, ...]:
    """What the executor host imports before it forks a child for this code; empty for light code.

    By the rule of `Installed.heavy`: 16 MB of native code, in the distribution or in one it requires.
    """
    return tuple(third.module for third in scan.third_party if third.heavy)


class _Visit(NamedTuple):
    """A module to look at; a tuple, because a scan compares thousands.

    Attributes:
        whole: False: only as the parent package of another module.
        counted: False: reached through `pipeline_lib`.
    """

    name: str
    whole: bool = True
    counted: bool = True

    @property
    def is_library(self) -> bool:
        """Whether it is a module of ours, which never counts."""
        return self.name.partition(".")[0] == LIBRARY


# Where modules of ours lead does not count, it only tells what to import ahead: that is read once a process.
_library: dict[tuple[tuple[str, ...], _Visit], tuple[_Visit, ...]] = {}


class Scanner:
    """Follows imports from entry modules and files.

    Args:
        finder: Finds modules; its listings must be fresh.
        memo: Remembers what files import.
        memo_directory: Remembers which distribution files belong to; None: nowhere.
    """

    def __init__(self, finder: Finder, memo: SourceMemo, memo_directory: Path | None = None) -> None:
        self.finder = finder
        self.memo = memo
        self._memo_directory = memo_directory
        self._sites: dict[str, Installed | None] = {}
        self._files: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._distributions: dict[str, str] = {}
        self._third_party: dict[str, ThirdParty] = {}
        self._pending: deque[_Visit] = deque()
        self._seen: set[_Visit] = set()

    def add_module(self, name: str) -> bool:
        """Follow a module; False if there is none of that name."""
        if self.finder.find(name) is None:
            return False
        self._enter([_Visit(name)])
        self._run()
        return True

    def add_source(self, file: Path, name: str) -> None:
        """Follow a file that is no module of the search path, under a name of its own."""
        facts = self.add_file(file, name)
        for item in facts.imports:
            self._enter(self._follow(item, "", counted=True))
        self._run()

    def add_file(self, file: Path, name: str) -> SourceFacts:
        """Let a file's bytes count under a name; it is not followed."""
        place = os.path.realpath(file)
        facts = self.memo.facts(place)
        if place in self._paths:
            return facts
        unique, number = name, 2
        while unique in self._files:
            unique, number = f"{name}#{number}", number + 1
        self._paths[place] = unique
        self._files[unique] = facts.digest
        return facts

    def modules_in(self, package: str) -> list[str]:
        """Names of the modules in a package (of top modules for ""), to suggest one."""
        found = self.finder.find(package) if package else None
        folders = found.folders if isinstance(found, Found) else self.finder.roots if not package else ()
        names = (entry for folder in folders for entry in self.finder.listing(folder))
        return [name.removesuffix(".py") for name in names if "." not in name.removesuffix(".py")]

    def folder_of(self, module: str) -> Path | None:
        """The directory of a module's source."""
        found = self.finder.find(module)
        return Path(found.file).parent if isinstance(found, Found) and found.file else None

    def result(self, places: Mapping[str, str] | None = None) -> CodeScan:
        """Everything found so far."""
        return CodeScan(
            files=dict(sorted(self._files.items())),
            sources={
                place: self._files[name]
                for place, name in sorted(self._paths.items())
                if place.endswith(".py")
            },
            names=dict(sorted(self._names.items())),
            distributions=dict(sorted(self._distributions.items())),
            third_party=tuple(third for _, third in sorted(self._third_party.items())),
            places=places or {},
        )

    def _run(self) -> None:
        while self._pending:
            visit = self._pending.popleft()
            self._enter(self._read_once(visit) if visit.is_library else self._read(visit))

    def _read_once(self, visit: _Visit) -> tuple[_Visit, ...]:
        """Where a module of ours leads: half of what a scan meets, the same for every node."""
        place = (self.finder.roots, visit)
        known = _library.get(place)
        if known is None:
            known = _library[place] = tuple(self._read(visit))
        return known

    def _enter(self, visits: Iterable[_Visit]) -> None:
        for visit in visits:
            if visit not in self._seen:
                self._seen.add(visit)
                self._pending.append(visit)

    def _read(self, visit: _Visit) -> Iterator[_Visit]:
        found = self.finder.find(visit.name)
        if not isinstance(found, Found):
            return
        if self.is_installed(found):
            self._count_installed(found, counted=visit.counted)
            return
        for parent in _parents(found.name):
            yield _Visit(parent, whole=False, counted=visit.counted)
        if found.file is None:
            return
        facts = self.memo.facts(found.file)
        if facts.facade and found.folders and not visit.whole:
            imports: Sequence[Import] = [i for i in facts.imports if self._is_module_import(i, found)]
        else:
            imports = facts.imports
            if visit.counted and not visit.is_library:
                self.add_file(Path(found.file), found.relative)
        counted = visit.counted and not visit.is_library
        for item in imports:
            # What the library imports inside functions is not known to be used.
            if counted or item.top:
                yield from self._follow(item, found.package, counted=counted)

    def _follow(self, item: Import, package: str, *, counted: bool) -> Iterator[_Visit]:
        base = item.base(package)
        if not base:
            return
        if not item.names:
            # `import a.b` binds `a`: all that `a` passes on is in reach.
            if not item.bound:
                yield _Visit(base.partition(".")[0], counted=counted)
            yield _Visit(base, counted=counted)
        for name, _ in item.names:
            yield from self._follow_name(base, name, counted=counted)

    def _follow_name(
        self, base: str, name: str, *, counted: bool, through: frozenset[tuple[str, str]] = frozenset()
    ) -> Iterator[_Visit]:
        """`from base import name`: to where the name comes from, if `base` is a facade."""
        found = self.finder.find(base)
        if not isinstance(found, Found):
            return
        inner = f"{base}.{name}" if name != "*" and found.folders else ""
        submodule = inner if inner and isinstance(self.finder.find(inner), Found) else ""
        if not found.folders or self.is_installed(found):
            yield _Visit(submodule or base, counted=counted)
            return
        facts = self.memo.facts(found.file) if found.file is not None else _NAMESPACE
        # A name that the package binds wins over a submodule of that name.
        origins = list(_bindings(facts.imports, name)) if (base, name) not in through else []
        if not facts.facade or not (origins or submodule):
            yield _Visit(base, counted=counted)
        if submodule and not (facts.facade and origins):
            yield _Visit(submodule, counted=counted)
            return
        for parent in (base, *_parents(base)):
            yield _Visit(parent, whole=False, counted=counted)
        if facts.facade and origins and counted and base.partition(".")[0] != LIBRARY:
            self._names[f"{found.relative}:{name}"] = _origin(origins, facts, found)
        for item, original in origins if facts.facade else ():
            origin = item.base(found.package)
            if item.names:
                passed = through | {(base, name)}
                yield from self._follow_name(origin, original, counted=counted, through=passed)
            else:
                yield _Visit(origin, counted=counted)

    def _is_module_import(self, item: Import, found: Found) -> bool:
        """Whether a facade's import brings in a module, rather than a name to pass on."""
        if item.lazy or not item.names:
            return not item.lazy
        base = item.base(found.package)
        return any(name != "*" and self.finder.find(f"{base}.{name}") is not None for name, _ in item.names)

    def is_installed(self, found: Found) -> bool:
        """Whether a module counts by its distribution's version."""
        top = found.name.partition(".")[0]
        return top not in (LIBRARY, COMPONENTS) and bool(self._owners(found)[1])

    def _owners(self, found: Found) -> tuple[Installed | None, tuple[Distribution, ...]]:
        if found.root not in self._sites:
            is_site = self.finder.is_site(found.root)
            self._sites[found.root] = installed(found.root, self._memo_directory) if is_site else None
        site = self._sites[found.root]
        return site, site.owner(found.file or found.folders[0]) if site is not None else ()

    def _count_installed(self, found: Found, *, counted: bool) -> None:
        site, owners = self._owners(found)
        if counted:
            self._distributions.update({owner.name: owner.version for owner in owners})
        heavy = site is not None and any(site.heavy(owner.name) for owner in owners)
        self._third_party[found.name] = ThirdParty(
            module=found.name, distribution=owners[0].name, heavy=heavy
        )


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _origin(origins: Sequence[tuple[Import, str]], facts: SourceFacts, facade: Found) -> str:
    """Where a facade takes a name from: the last binding holds, but a look-up by name may see any."""
    places = [
        f"{item.base(facade.package)}:{original}" if item.names else item.base(facade.package)
        for item, original in origins
    ]
    lazily = any(item.lazy for item, _ in origins)
    return ", ".join(places) + (f" by __getattr__ {facts.passing[:12]}" if lazily else "")


def _bindings(imports: Sequence[Import], name: str) -> Iterator[tuple[Import, str]]:
    for item in imports:
        if not item.names and item.bound == name:
            yield item, name
        for original, bound in item.names:
            if bound == name and name != "*":
                yield item, original
