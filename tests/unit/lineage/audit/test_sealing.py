"""A sealed report is as it was signed, or is refused: whichever byte was changed."""

import json
from pathlib import Path

import pytest

from pipeline_lib.errors import AuditMismatchError
from pipeline_lib.hashing import canonical_json
from pipeline_lib.lineage.audit.sealing import sealed_json, sealed_page, verify_file
from pipeline_lib.lineage.audit.signing import make_key

REPORT = {"format": "x", "model": {"id": 1, "name": "ä <b>"}}
PAGE = "<!doctype html>\n<p>Model 1, ä</p>\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    return f"file:{path}", make_key(path)


@pytest.fixture(params=["json", "page"])
def sealed(request: pytest.FixtureRequest, keys: tuple[str, str]) -> bytes:
    return sealed_json(REPORT, keys[0]) if request.param == "json" else sealed_page(PAGE, keys[0])


def test_a_report_that_was_not_touched_is_verified(
    sealed: bytes, keys: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "report"
    file.write_bytes(sealed)
    found = verify_file(file, keys[1])
    assert found.key == keys[1]
    assert found.report in (None, REPORT)


def test_any_changed_byte_is_noticed(sealed: bytes, keys: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "report"
    for place in range(len(sealed)):
        for flip in (0x01, 0x20):
            file.write_bytes(sealed[:place] + bytes([sealed[place] ^ flip]) + sealed[place + 1 :])
            with pytest.raises(AuditMismatchError, match="report"):
                verify_file(file, keys[1])


def test_a_byte_more_or_less_is_noticed(sealed: bytes, keys: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "report"
    changed = [sealed[:place] + sealed[place + 1 :] for place in range(len(sealed))]
    changed += [sealed[:place] + b" " + sealed[place:] for place in range(len(sealed) + 1)]
    changed += [sealed + sealed, sealed + b"\n", b"", sealed[::-1]]
    for content in changed:
        file.write_bytes(content)
        with pytest.raises(AuditMismatchError, match="report"):
            verify_file(file, keys[1])


def test_another_key_is_noticed(sealed: bytes, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other.pem")
    file = tmp_path / "report"
    file.write_bytes(sealed)
    with pytest.raises(AuditMismatchError, match="signed by another key"):
        verify_file(file, other)


def test_whoever_signs_anew_is_another(keys: tuple[str, str], tmp_path: Path) -> None:
    make_key(tmp_path / "forger.pem")
    forged = sealed_json({**REPORT, "format": "y"}, f"file:{tmp_path / 'forger.pem'}")
    file = tmp_path / "report"
    file.write_bytes(forged)
    with pytest.raises(AuditMismatchError, match="signed by another key"):
        verify_file(file, keys[1])
    # The forged content under the trusted key's name.
    envelope = json.loads(forged)
    envelope["signature"]["key"] = keys[1]
    file.write_text(canonical_json(envelope) + "\n")
    with pytest.raises(AuditMismatchError, match="was changed"):
        verify_file(file, keys[1])


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        canonical_json(REPORT).encode(),
        PAGE.encode(),
        b'{"report":{},"signature":null}',
        b'{"report":NaN,"signature":{}}',
        b"{" * 50_000,
        b"\xff\xfe",
    ],
)
def test_a_missing_signature_is_noticed(content: bytes, keys: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "report"
    file.write_bytes(content)
    with pytest.raises(AuditMismatchError, match="not signed"):
        verify_file(file, keys[1])


def test_a_file_that_is_not_there_is_told(keys: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(AuditMismatchError, match="cannot be read"):
        verify_file(tmp_path / "nothing", keys[1])
