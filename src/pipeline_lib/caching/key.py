"""The cache key: one digest over everything that decides what a component puts out, and nothing else.

In it: the component's identity, the source and the distributions of its code (`pipeline_lib.caching.scan`),
its parameters, the content digests of its inputs, and the author's cache version. Not in it: ids, uris, the
node's id, the pipeline, the run, the runner and its options, the host, the time, the order of dict keys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline_lib.caching.scan import CodeScan
from pipeline_lib.errors import KeyValueError
from pipeline_lib.hashing import canonical_json, digest
from pipeline_lib.metadata.records import StoredArtifact
from pipeline_lib.plan.models import Node

CONTRACT_VERSION = 1
"""Raised when the library itself changes what a component with the same key would put out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyParts:
    """What a cache key is made of; plain JSON both ways.

    Attributes:
        component: `module:qualname`.
        files: Sha256 of each first-party file and of each file depended on, by a name that is the same on
            every machine.
        names: Of each package that only passes names on, `path:name` and where it takes it from.
        distributions: Versions of the installed distributions imported, by name, and that of Python.
        parameters: Plain JSON by name, without those the node ignores.
        inputs: Content digests by port, in the order in which the body sees the artifacts.
        cache_version: The author's.
        contract: The library's.
    """

    component: str
    files: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    distributions: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cache_version: int = 0
    contract: int = CONTRACT_VERSION

    def as_json(self) -> dict[str, Any]:
        """The parts as plain JSON, as they are stored with an execution (`facts["cache_parts"]`)."""
        return {
            "component": self.component,
            "files": dict(self.files),
            **({"names": dict(self.names)} if self.names else {}),  # younger than the pinned keys
            "distributions": dict(self.distributions),
            "parameters": dict(self.parameters),
            "inputs": {port: list(digests) for port, digests in self.inputs.items()},
            "cache_version": self.cache_version,
            "contract": self.contract,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "KeyParts":
        """The inverse of `as_json`; parts that an older library did not know are at their defaults."""
        return cls(
            component=record["component"],
            files=record.get("files", {}),
            names=record.get("names", {}),
            distributions=record.get("distributions", {}),
            parameters=record.get("parameters", {}),
            inputs={port: tuple(digests) for port, digests in record.get("inputs", {}).items()},
            cache_version=record.get("cache_version", 0),
            contract=record.get("contract", 0),
        )


def cache_key(parts: KeyParts) -> str:
    """The key, 64 hex digits."""
    return digest("cache-key", parts.as_json())


def key_parts(
    node: Node,
    code: CodeScan,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Sequence[StoredArtifact]],
) -> KeyParts:
    """The parts of a node's key.

    Args:
        node: Says which parameters are ignored, which name modules, and the author's version.
        code: Of `node_code`.
        parameters: Resolved; what the driver found included.
        inputs: Resolved; an absent optional input is an empty sequence.

    Raises:
        KeyValueError: A parameter is not plain JSON.
    """
    kept = {}
    for name, value in parameters.items():
        if name in node.options.cache.ignore:
            continue
        kept[name] = _named_alike(value, code.places) if name in node.user_modules else value
        try:
            canonical_json(kept[name]).encode()
        except (TypeError, ValueError) as error:
            raise KeyValueError(
                f"{node.id}.{name} cannot enter the cache key: {error}",
                got=repr(value),
                fix="pass plain JSON without NaN or infinities, or add the parameter to the cache's `ignore`",
            ) from error
    return KeyParts(
        component=str(node.code),
        files=code.files,
        names=code.names,
        distributions=code.distributions,
        parameters=kept,
        inputs={port: tuple(map(_content, found)) for port, found in inputs.items()},
        cache_version=node.options.cache.version,
    )


def _content(artifact: StoredArtifact) -> str:
    # One published by other tools may have no digest: nothing is known to be equal to it but itself.
    return artifact.digest or f"artifact {artifact.id}"


def _named_alike(value: Any, places: Mapping[str, str]) -> Any:
    """A user's module given as a path gets the name that it has on every machine."""
    if isinstance(value, list | tuple):
        return [_named_alike(item, places) for item in value]
    return places.get(value, value) if isinstance(value, str) else value
