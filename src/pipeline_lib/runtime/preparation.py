"""The first half of launching a node: what it reads, what it is given, and the cache key of both."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib import caching
from pipeline_lib.errors import DriverFailedError, PipelineError, UnresolvedValueError
from pipeline_lib.hashing import canonical_json
from pipeline_lib.metadata.records import NodeKey, StoredArtifact
from pipeline_lib.plan.models import CodeRef, InputPort, Node
from pipeline_lib.runtime.scope import Scope
from pipeline_lib.settings import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A node whose inputs and parameters are known.

    Attributes:
        inputs: Artifacts by port; an absent optional input is an empty list.
        parameters: Plain JSON by name, what the driver found included.
        parts: What the cache key is made of.
        cache_key: Hex digest, or "" for a node that is not cached.
        preload: Heavy modules its code imports; empty for a light node.
        sources: Sha256 by path of the modules that the cache key counts.
    """

    node: Node
    key: NodeKey
    inputs: Mapping[str, tuple[StoredArtifact, ...]]
    parameters: Mapping[str, Any]
    parts: caching.KeyParts
    cache_key: str
    preload: tuple[str, ...]
    sources: Mapping[str, str]


def prepare(node: Node, key: NodeKey, scope: Scope, profile: Profile) -> Prepared:
    """Resolve a node's inputs and parameters, run its driver, and make its cache key.

    Raises:
        UnresolvedValueError: Something the node needs does not exist in this run.
        DriverFailedError: The driver raised something that is no PipelineError of its own.
    """
    inputs = {port: _artifacts(node, port, spec, scope) for port, spec in node.inputs.items()}
    parameters = {name: _plain(scope.evaluate(value)) for name, value in node.parameters.items()}
    if node.driver is not None:
        parameters |= _drive(node.driver, parameters, at=str(key), import_paths=profile.import_paths)
    code = caching.node_code(
        node,
        parameters,
        profile.import_paths,
        profile.state_dir,
        interpreter=profile.environments.get(node.options.environment or ""),
    )
    parts = caching.key_parts(node, code, parameters, inputs)
    return Prepared(
        node=node,
        key=key,
        inputs=inputs,
        parameters=parameters,
        parts=parts,
        cache_key=caching.cache_key(parts) if node.options.cache.enabled else "",
        preload=caching.heavy_modules(code),
        sources=code.sources,
    )


def make_importable(import_paths: Sequence[Path]) -> None:
    """Put the profile's import paths before `sys.path` for good: imported modules import others later."""
    for path in reversed([str(Path(p).resolve()) for p in import_paths]):
        if path not in sys.path:
            sys.path.insert(0, path)


def load(code: CodeRef, import_paths: Sequence[Path]) -> Any:
    """Import what a plan names.

    Raises:
        DriverFailedError: There is no such module or name.
    """
    try:
        make_importable(import_paths)
        found: Any = importlib.import_module(code.module)
        for name in code.qualname.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise DriverFailedError(
            f"{code} cannot be imported: {error}",
            at=str(code),
            fix="compile the plan again, or put the folder of the module into the profile's import_paths",
        ) from error
    return found


def _artifacts(node: Node, port: str, spec: InputPort, scope: Scope) -> tuple[StoredArtifact, ...]:
    value = scope.evaluate(spec.source)
    found = list(value) if isinstance(value, list | tuple) else [value]
    artifacts = tuple(item for item in found if item is not None)
    if not artifacts and not spec.optional and not spec.many:
        raise UnresolvedValueError(
            f"{node.id}.{port} has nothing to read",
            needs=spec.artifact_type,
            fix=f"declare the port `{spec.artifact_type} | None`, or run what makes it",
        )
    return artifacts


def _plain(value: Any) -> Any:
    if isinstance(value, StoredArtifact):
        raise UnresolvedValueError(
            f"artifact {value.id} was given where a plain value belongs", fix="pass one of its properties"
        )
    return value


def _drive(
    driver: CodeRef, parameters: Mapping[str, Any], *, at: str, import_paths: Sequence[Path]
) -> dict[str, Any]:
    function = load(driver, import_paths)
    try:
        found = dict(function(dict(parameters)))
        canonical_json(found)
    except PipelineError:
        raise
    except Exception as error:
        raise DriverFailedError(
            f"the driver of {at} failed: {type(error).__name__}: {error}",
            at=str(driver),
            fix="mend the driver",
        ) from error
    return found
