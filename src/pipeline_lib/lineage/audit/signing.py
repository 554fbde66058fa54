"""Ed25519 keys that sign audit reports: made, read, used."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline_lib.errors import AuditKeyError, SecretError
from pipeline_lib.secrets import reveal_secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_MAKE = "make one with `pipeline audit key PATH` and name it in the profile: audit.key: file:PATH"
_DOMAIN = b"pipeline_lib.audit/1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signed, and what came of it.

    Attributes:
        key: The public key, 32 bytes in hex.
        value: The signature, 64 bytes in hex.
    """

    key: str
    value: str


def _require_library() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise AuditKeyError(
            "signing needs a library that is not installed: cryptography",
            fix="pip install 'pipeline-lib[audit]'",
        ) from error


def make_key(path: Path) -> str:
    """Write a new private key (PEM, for its owner only), and its public key beside it (`.pub`).

    Returns:
        The public key in hex.

    Raises:
        AuditKeyError: A file is there already, or cannot be written.
    """
    _require_library()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shown = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secret)
        with Path(f"{path}.pub").open("xb") as file:
            file.write(shown)
    except OSError as error:
        raise AuditKeyError(
            f"the key cannot be written: {error.strerror}",
            at=str(error.filename or path),
            fix="name a file that is not there, in a directory that you may write to",
        ) from error
    return _hex(private.public_key())


def sign(reference: str | None, domain: str, content: bytes) -> Signature:
    """Sign bytes.

    Args:
        reference: To the private key: `file:PATH` or `env:NAME`.
        domain: What the bytes are; a signature of one kind is none of another.
        content: Any bytes.

    Raises:
        AuditKeyError: There is no key behind the reference, or it is of another kind.
    """
    private = _private_key(reference)
    value = private.sign(_DOMAIN + domain.encode() + b"\0" + content).hex()
    return Signature(key=_hex(private.public_key()), value=value)


def is_signed(signature: Signature, domain: str, content: bytes) -> bool:
    """Whether the signature is of these bytes and by the key that it names."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.key))
        public.verify(bytes.fromhex(signature.value), _DOMAIN + domain.encode() + b"\0" + content)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key(reference: str | None, file: Path | None = None) -> str:
    """The public key to trust, in hex: of a file with one, or of the private key behind a reference.

    Raises:
        AuditKeyError: There is neither, or it is of another kind.
    """
    _require_library()
    if file is None:
        return _hex(_private_key(reference).public_key())
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        found = serialization.load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        raise AuditKeyError("there is no public key", at=str(file), fix="give the `.pub` file") from error
    if not isinstance(found, Ed25519PublicKey):
        raise AuditKeyError("the public key is not of Ed25519", at=str(file), fix="give the `.pub` file")
    return _hex(found)


def _private_key(reference: str | None) -> "Ed25519PrivateKey":
    _require_library()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not reference:
        raise AuditKeyError("the profile names no key for audit reports", fix=_MAKE)
    try:
        found = serialization.load_pem_private_key(reveal_secret(reference).encode(), password=None)
    except SecretError as error:
        raise AuditKeyError(f"the key of audit reports is not there: {error.summary}", fix=_MAKE) from error
    except (ValueError, TypeError) as error:  # never with the content
        raise AuditKeyError(
            "the key of audit reports is no PEM private key", at=reference, fix=_MAKE
        ) from error
    if not isinstance(found, Ed25519PrivateKey):
        raise AuditKeyError("the key of audit reports is not of Ed25519", at=reference, fix=_MAKE)
    return found


def _hex(key: "Ed25519PublicKey") -> str:
    return key.public_bytes_raw().hex()
