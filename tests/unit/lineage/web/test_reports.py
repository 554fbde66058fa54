"""Reports come from the manifest, or not at all."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline_lib.errors import CorruptPayloadError, MissingPayloadError
from pipeline_lib.lineage.web.reports import listed_files, report_response, reports_among
from pipeline_lib.metadata.records import StoredArtifact
from unit.lineage.web.conftest import Attacked


def found(attacked: Attacked) -> StoredArtifact:
    artifact = attacked.store.artifact(attacked.artifact_id)
    assert artifact is not None
    return artifact


def test_only_html_counts_as_a_report(attacked: Attacked) -> None:
    files = listed_files(attacked.artifacts, found(attacked))
    assert files is not None
    assert len(files) == 2
    assert reports_among(files) == ("report.html",)


def test_a_changed_report_is_not_shown(attacked: Attacked) -> None:
    Path(attacked.uri, "report.html").write_bytes(b"<h1>Report</h2>")
    with pytest.raises(CorruptPayloadError, match=r"report\.html"):
        report_response(attacked.artifacts, found(attacked), "report.html")


def test_a_report_replaced_by_a_link_is_not_followed(attacked: Attacked, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.html").write_text("secret")
    Path(attacked.uri, "report.html").unlink()
    Path(attacked.uri, "report.html").symlink_to(tmp_path / "elsewhere.html")
    with pytest.raises(CorruptPayloadError, match=r"report\.html"):
        report_response(attacked.artifacts, found(attacked), "report.html")


def test_files_that_are_gone_are_told(attacked: Attacked) -> None:
    Path(attacked.uri, "report.html").unlink()
    with pytest.raises(MissingPayloadError, match="cannot be read"):
        report_response(attacked.artifacts, found(attacked), "report.html")
    gone = StoredArtifact(
        id=1, type_name="Report", uri="/nowhere", digest="", created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert listed_files(attacked.artifacts, gone) is None
