"""The code behind one node: its component, its driver, its user modules, and what it says it depends on."""

import difflib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pipeline_lib.caching.finder import Finder, Found, python_version, search_path
from pipeline_lib.caching.memo import SourceMemo
from pipeline_lib.caching.scan import CodeScan, Scanner
from pipeline_lib.errors import CodeNotFoundError, DependencyNotFoundError
from pipeline_lib.plan.models import CodeRef, Node

_IGNORED_FOLDERS = frozenset({"__pycache__", ".git", ".ipynb_checkpoints"})


def node_code(
    node: Node,
    parameters: Mapping[str, Any],
    import_paths: Sequence[Path],
    state_dir: Path | None,
    *,
    interpreter: Path | None = None,
) -> CodeScan:
    """Scan everything whose change must give the node another cache key.

    Of `depends_on`, a module is followed, with all modules and files of a package; a file counts by its
    bytes, a directory by all its files. The version of Python counts like that of a distribution.

    Args:
        node: Of a plan.
        parameters: Resolved, plain JSON; those in `node.user_modules` name modules or `.py` files.
        import_paths: The profile's.
        state_dir: Where what was read is remembered, in `scan/`; None: nowhere.
        interpreter: Of the node's environment, if it is not the one running.

    Raises:
        CodeNotFoundError: The component's module, its driver's, or a user's module is not there, or a file
            cannot be read.
        DependencyNotFoundError: `depends_on` names what is not there.
    """
    named = list(_user_modules(node, parameters))
    # A user's file sees its siblings, as when it runs as a script; `UserModule.load` puts them last, too.
    siblings = [str(Path(name).resolve().parent) for name in named if name.endswith(".py")]
    path = search_path(import_paths, interpreter)
    directory = state_dir.resolve() / "scan" if state_dir is not None else None
    memo = _memo(directory)
    finder = Finder(tuple(dict.fromkeys([*path, *siblings])), memo.names)
    scanner = Scanner(finder, memo, directory)
    try:
        places = _add_code(scanner, node, named, path, import_paths)
    except OSError as error:
        raise CodeNotFoundError(
            f"the code of {node.id} cannot be read: {error.strerror}",
            at=str(error.filename),
            fix="check the file and its permissions",
        ) from error
    memo.save()
    found = scanner.result(places)
    return replace(found, distributions={**found.distributions, "python": python_version(interpreter)})


def _add_code(
    scanner: Scanner, node: Node, named: Sequence[str], path: Sequence[str], import_paths: Sequence[Path]
) -> dict[str, str]:
    """Follow all that a node names; what user modules given as files are called on every machine."""
    _add_reference(scanner, node.code, path, what=f"component of {node.id}")
    if node.driver is not None:
        _add_reference(scanner, node.driver, path, what=f"driver of {node.id}")
    places = {}
    for name in named:
        if name.endswith(".py"):
            places[name] = _add_user_file(scanner, name, path, node=node.id)
        else:
            reference = CodeRef(module=name, qualname="")
            _add_reference(scanner, reference, path, what=f"user module of {node.id}")
    for dependency in node.options.cache.depends_on:
        _add_dependency(scanner, dependency, node, import_paths)
    return places


@cache
def _memo(directory: Path | None) -> SourceMemo:
    """One memo per state directory and process."""
    return SourceMemo(directory)


def _user_modules(node: Node, parameters: Mapping[str, Any]) -> Iterator[str]:
    for parameter in node.user_modules:
        value = parameters.get(parameter)
        for name in value if isinstance(value, list | tuple) else [value]:
            if name:
                yield str(name)


def _add_reference(scanner: Scanner, code: CodeRef, path: Sequence[str], *, what: str) -> None:
    if scanner.add_module(code.module):
        return
    parent, _, last = code.module.rpartition(".")
    near = difflib.get_close_matches(last, scanner.modules_in(parent), n=1)
    suggestion = f"did you mean {'.'.join(filter(None, [parent, *near]))}? " if near else ""
    raise CodeNotFoundError(
        f"{what}: there is no module {code.module}",
        searched=", ".join(path),
        fix=f"{suggestion}Put the folder that holds it into the profile's import_paths",
    )


def _add_user_file(scanner: Scanner, name: str, path: Sequence[str], *, node: str) -> str:
    file = Path(name).resolve()
    if not file.is_file():
        raise CodeNotFoundError(
            f"user module of {node}: there is no file {name}", at=str(file), fix="check the path"
        )
    called = _name_of(file, path)
    scanner.add_source(file, called)
    return called


def _add_dependency(scanner: Scanner, dependency: str, node: Node, import_paths: Sequence[Path]) -> None:
    module = scanner.finder.find(dependency)
    if isinstance(module, Found):
        scanner.add_module(dependency)
        if not scanner.is_installed(module):
            _add_package(scanner, module)
        return
    beside = scanner.folder_of(node.code.module)
    bases = [*([beside] if beside else []), *(Path(base) for base in import_paths), Path()]
    tried = [(base / dependency).resolve() for base in bases]
    found = next((place for place in tried if place.exists()), None)
    if found is None and dependency in sys.stdlib_module_names:
        return
    if found is None:
        raise DependencyNotFoundError(
            f"{node.id} depends on {dependency}, which is no module, file or directory",
            searched=", ".join(dict.fromkeys(map(str, tried))),
            fix="write a dotted module, or a path beside the component, below an import path or from here",
        )
    called = found.name if Path(dependency).is_absolute() else dependency.rstrip("/")
    if found.is_file():
        scanner.add_file(found, called)
        return
    for file in _files_below(found):
        scanner.add_file(file, f"{called}/{file.relative_to(found).as_posix()}")


def _add_package(scanner: Scanner, package: Found) -> None:
    for folder in package.folders:
        for file in _files_below(Path(folder)):
            inner = file.relative_to(folder).with_suffix("").parts
            if file.suffix != ".py" or not scanner.add_module(".".join([package.name, *inner])):
                scanner.add_file(file, os.path.relpath(file, package.root))


def _files_below(directory: Path) -> Iterator[Path]:
    walked: set[str] = set()  # a link may lead back up
    for folder, folders, files in os.walk(directory, followlinks=True):
        if (place := os.path.realpath(folder)) in walked:
            folders.clear()
            continue
        walked.add(place)
        folders[:] = sorted(name for name in folders if name not in _IGNORED_FOLDERS)
        for name in sorted(files):
            yield Path(folder, name)


def _name_of(file: Path, path: Sequence[str]) -> str:
    """A name that does not depend on where the project lies."""
    for root in path:
        if file.is_relative_to(root):
            return file.relative_to(root).as_posix()
    return file.name
