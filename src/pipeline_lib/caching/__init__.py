"""The cache: what a node's result depends on, whether there is one already, and if not, why not."""

from pipeline_lib.caching.code import node_code
from pipeline_lib.caching.explain import (
    Change,
    Reason,
    ReasonKind,
    describe,
    differences,
    explain_miss,
    pending,
)
from pipeline_lib.caching.key import CONTRACT_VERSION, KeyParts, cache_key, key_parts
from pipeline_lib.caching.lookup import Hit, Miss, find
from pipeline_lib.caching.scan import CodeScan, ThirdParty, heavy_modules

__all__ = [
    "CONTRACT_VERSION",
    "Change",
    "CodeScan",
    "Hit",
    "KeyParts",
    "Miss",
    "Reason",
    "ReasonKind",
    "ThirdParty",
    "cache_key",
    "describe",
    "differences",
    "explain_miss",
    "find",
    "heavy_modules",
    "key_parts",
    "node_code",
    "pending",
]
