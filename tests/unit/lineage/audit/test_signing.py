"""Keys that sign reports."""

import stat
from pathlib import Path

import pytest

from pipeline_lib.errors import AuditKeyError
from pipeline_lib.lineage.audit.signing import Signature, is_signed, make_key, public_key, sign


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "key.pem")
    return tmp_path / "key.pem"


def test_a_key_is_for_its_owner_only_and_never_written_over(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(AuditKeyError, match="cannot be written"):
        make_key(key)


def test_both_halves_name_the_same_key(key: Path) -> None:
    assert public_key(f"file:{key}") == public_key(None, Path(f"{key}.pub"))


def test_a_key_may_be_in_the_environment(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_KEY", key.read_text())
    assert public_key("env:AUDIT_KEY") == public_key(f"file:{key}")


def test_a_signature_is_of_these_bytes_of_this_kind_by_this_key(key: Path, tmp_path: Path) -> None:
    signature = sign(f"file:{key}", "json", b"content")
    assert is_signed(signature, "json", b"content")
    assert not is_signed(signature, "json", b"Content")
    assert not is_signed(signature, "page", b"content")
    make_key(tmp_path / "other.pem")
    other = public_key(f"file:{tmp_path / 'other.pem'}")
    assert not is_signed(Signature(key=other, value=signature.value), "json", b"content")
    assert not is_signed(Signature(key="zz", value="zz"), "json", b"content")


def test_what_is_no_key_is_refused_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    monkeypatch.setenv("NO_KEY", "hunter2")
    with pytest.raises(AuditKeyError, match="no PEM private key") as caught:
        sign("env:NO_KEY", "json", b"")
    assert "hunter2" not in str(caught.value)
    elliptic = generate_private_key(SECP256R1())
    monkeypatch.setenv(
        "OTHER_KIND",
        elliptic.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )
    with pytest.raises(AuditKeyError, match="not of Ed25519"):
        sign("env:OTHER_KIND", "json", b"")
    for reference, message in ((None, "names no key"), ("file:/nowhere", "not there"), ("x", "not there")):
        with pytest.raises(AuditKeyError, match=message):
            sign(reference, "json", b"")
    with pytest.raises(AuditKeyError, match="no public key"):
        public_key(None, tmp_path / "nothing")
