"""Where a module's source is, found as Python's import system would, without importing anything."""

import importlib.machinery
import os
import re
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline_lib.caching.installed import direct_editables, path_below
from pipeline_lib.caching.memo import names_in

# In the order in which the import system tries them; byte code without source is nobody's source.
_SUFFIXES = (*importlib.machinery.EXTENSION_SUFFIXES, ".py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A module that lies in a file or directory.

    Attributes:
        name: Dotted.
        file: The source or shared library; None for a namespace package.
        folders: Where its submodules are; empty unless it is a package.
        root: The entry of the search path it was found under.
    """

    name: str
    file: str | None
    folders: tuple[str, ...]
    root: str

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.folders else self.name.rpartition(".")[0]

    @property
    def relative(self) -> str:
        """Its path below the root: the same on every machine."""
        return path_below(self.root, self.file or self.folders[0]).replace(os.sep, "/")


class StandardLibrary:
    """Marks a module that comes with Python."""


def search_path(import_paths: Sequence[Path], interpreter: Path | None = None) -> tuple[str, ...]:
    """The directories in which a component's child finds modules, in order.

    Args:
        import_paths: The profile's; they come first.
        interpreter: Of the node's environment; None: the one that is running, with its `sys.path`.
    """
    first = [str(Path(path).resolve()) for path in import_paths]
    if interpreter is None:
        rest = [str(Path(path or ".").resolve()) for path in sys.path]
    else:
        library = interpreter.parent.parent / "lib"
        version = python_version(interpreter)
        sites = sorted(library.glob(f"python{version}/*-packages" if version else "python3*/*-packages"))
        rest = [*_standard(), *(str(path) for site in sites for path in (site, *_path_files(site)))]
    return tuple(dict.fromkeys([*first, *rest]))


def python_version(interpreter: Path | None = None) -> str:
    """The version of Python, `3.11`, that executes a component; "" if nothing but running it would tell.

    Args:
        interpreter: Of the node's environment; None: the one that is running.
    """
    if interpreter is None:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        said = (interpreter.parent.parent / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        said = ""
    stated = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", said, flags=re.MULTILINE)
    named = re.search(r"python(\d+\.\d+)$", str(interpreter.resolve()))
    found = stated or named
    return found[1] if found is not None else ""


class Finder:
    """Finds modules on a search path. Directory listings are asked for once: make a new one for each scan.

    Args:
        path: Directories, in the order in which they are searched.
        names: Names in a directory; `SourceMemo.names` remembers them between scans.
    """

    def __init__(self, path: Sequence[str], names: Callable[[str], frozenset[str]] = names_in) -> None:
        self.roots = tuple(path)
        self._names = names
        self._standard = _standard()
        self._listings: dict[str, frozenset[str]] = {}
        self._found: dict[str, Found | StandardLibrary | None] = {}
        self._mapped: dict[str, str] | None = None

    def listing(self, directory: str) -> frozenset[str]:
        """Names in a directory; none if there is no such directory."""
        known = self._listings.get(directory)
        if known is None:
            known = self._listings[directory] = self._names(directory)
        return known

    def find(self, name: str) -> Found | StandardLibrary | None:
        """The module of that dotted name, or None if there is none."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def is_site(self, root: str) -> bool:
        """Whether distributions are installed in this entry of the search path."""
        return any(entry.endswith(".dist-info") for entry in self.listing(root))

    def _find(self, name: str) -> Found | StandardLibrary | None:
        parent, _, last = name.rpartition(".")
        if not last.isidentifier():
            return None
        if not parent:
            return self._find_top(name)
        package = self.find(parent)
        if not isinstance(package, Found):
            return package
        return self._look(name, last, [(folder, package.root) for folder in package.folders])

    def _find_top(self, name: str) -> Found | StandardLibrary | None:
        places: list[tuple[str, str]] = []
        for root in self.roots:
            if root not in self._standard:
                places.append((root, root))
            elif name in sys.stdlib_module_names:
                before = self._look(name, name, places)
                return before if before is not None and before.file else StandardLibrary()
        return self._look(name, name, places) or self._find_mapped(name)

    def _look(self, name: str, last: str, places: Sequence[tuple[str, str]]) -> Found | None:
        namespace: list[tuple[str, str]] = []
        for folder, root in places:
            entries = self.listing(folder)
            inner = os.path.join(folder, last) if last in entries else ""  # noqa: PTH118
            if inner:
                inside = self.listing(inner)
                for suffix in _SUFFIXES:
                    if f"__init__{suffix}" in inside:
                        file = os.path.join(inner, f"__init__{suffix}")  # noqa: PTH118
                        return Found(name=name, file=file, folders=(inner,), root=root)
            for suffix in _SUFFIXES:
                if f"{last}{suffix}" in entries:
                    file = os.path.join(folder, f"{last}{suffix}")  # noqa: PTH118
                    return Found(name=name, file=file, folders=(), root=root)
            if inner and os.path.isdir(inner):  # noqa: PTH112
                namespace.append((inner, root))
        if not namespace:
            return None
        return Found(
            name=name, file=None, folders=tuple(folder for folder, _ in namespace), root=namespace[0][1]
        )

    def _find_mapped(self, name: str) -> Found | None:
        if self._mapped is None:
            self._mapped = {}
            for root in self.roots:
                self._mapped.update(direct_editables(root, self.listing(root)))
        place = self._mapped.get(name)
        if place is None:
            return None
        parent = str(Path(place).parent)
        return self._look(name, name, [(parent, parent)])


@cache
def _standard() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    standard = str(Path(paths["stdlib"]).resolve())
    version = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    return (standard, f"{standard}/lib-dynload", str(Path(standard).parent / version))


def _path_files(site: Path) -> list[str]:
    """Directories that `.pth` files of a site-packages directory add."""
    added = []
    for file in sorted(site.glob("*.pth")):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.strip() and not line.startswith(("#", "import ", "import\t")):
                place = (site / line.strip()).resolve()
                if place.is_dir():
                    added.append(str(place))
    return added
