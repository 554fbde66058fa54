"""Audit reports as files: canonical JSON and a page, each with a signature that any changed byte breaks."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.errors import AuditMismatchError
from pipeline_lib.hashing import canonical_json
from pipeline_lib.lineage.audit.signing import Signature, is_signed, sign

_JSON, _PAGE = "json", "page"
# Exactly so: what reads hex elsewhere passes over blanks in it.
_KEY, _VALUE = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{128}")
_LARGEST = 256 << 20
# The last line of a page. Hex, fixed order and one newline: there is only one way to write it.
_SEAL = re.compile(rb"<!-- signed ed25519 key=([0-9a-f]{64}) value=([0-9a-f]{128}) -->\n\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A file that is as it was signed.

    Attributes:
        key: The public key that signed it, hex.
        report: The content; None of a page.
    """

    file: Path
    key: str
    report: Mapping[str, Any] | None = None


def sealed_json(report: Mapping[str, Any], key: str | None) -> bytes:
    """The report as canonical JSON with its signature.

    Raises:
        AuditKeyError: The key is missing or none.
    """
    content = canonical_json(dict(report))
    signature = sign(key, _JSON, content.encode())
    told = {"algorithm": "ed25519", "key": signature.key, "value": signature.value}
    return f"{canonical_json({'report': dict(report), 'signature': told})}\n".encode()


def sealed_page(page: str, key: str | None) -> bytes:
    """A page with its signature as the last line.

    Raises:
        AuditKeyError: The key is missing or none.
    """
    content = page.rstrip("\n").encode() + b"\n"
    signature = sign(key, _PAGE, content)
    return content + f"<!-- signed ed25519 key={signature.key} value={signature.value} -->\n".encode()


def verify_file(file: Path, trusted: str) -> Verified:
    """Check that a report is as it was signed, by the key that is trusted.

    Args:
        file: A report as JSON or as a page.
        trusted: The public key, hex.

    Raises:
        AuditMismatchError: It was changed, signed by another key, or not signed; or it cannot be read.
    """
    try:
        if file.stat().st_size > _LARGEST:
            raise _refused("the file is too large to be an audit report", file)
        content = file.read_bytes()
    except OSError as error:
        raise _refused(f"the report cannot be read: {error.strerror}", file) from error
    if content.lstrip()[:1] == b"{":
        signature, domain, signed, report = _taken_apart(content, file)
    else:
        match = _SEAL.search(content)
        if match is None:
            raise _refused("the report is not signed, or its last line was changed", file)
        signature = Signature(key=match[1].decode(), value=match[2].decode())
        domain, signed, report = _PAGE, content[: match.start()], None
    if signature.key != trusted:
        raise _refused("the report was signed by another key", file, needs=trusted, got=signature.key)
    if not is_signed(signature, domain, signed):
        raise _refused("the report was changed after it was signed", file)
    return Verified(file=file, key=signature.key, report=report)


def _taken_apart(content: bytes, file: Path) -> tuple[Signature, str, bytes, Mapping[str, Any]]:
    try:
        envelope = json.loads(content)
        report, told = envelope["report"], envelope["signature"]
        signature = Signature(key=str(told["key"]), value=str(told["value"]))
        whole = canonical_json(envelope)
        signed = canonical_json(report).encode()
        known = isinstance(report, dict) and envelope.keys() == {"report", "signature"}
        known = known and told.keys() == {"algorithm", "key", "value"} and told["algorithm"] == "ed25519"
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _refused("the report is not signed, or is no report", file) from error
    exact = _KEY.fullmatch(signature.key) and _VALUE.fullmatch(signature.value)
    if not known or not exact or f"{whole}\n".encode() != content:
        raise _refused("the report was changed after it was signed", file)
    return signature, _JSON, signed, report


def _refused(what: str, file: Path, **more: str) -> AuditMismatchError:
    return AuditMismatchError(
        what, at=str(file), **more, fix="take the report from its maker again; do not rely on this file"
    )
