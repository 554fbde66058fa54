"""The content of an audit report: complete, the same every time, with digests of what it names."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pipeline_lib.hashing import canonical_json, digest
from pipeline_lib.lineage import Explanation, Subject, explain
from pipeline_lib.lineage.audit.report import FORMAT, audit_report
from pipeline_lib.lineage.models.code import Code, DirtyDiff
from pipeline_lib.lineage.models.verdicts import Approval, Evaluation
from unit.lineage.conftest import Audited

NASTY = "<script>alert('x')</script>\"&'"
SLICES: tuple[dict[str, Any], ...] = (
    {"slice": "all rows", "metrics": {"auc": {"value": 0.75}}},
    {
        "slice": f"hour={NASTY}",
        "metrics": {"auc": {"value": 0.5, "low": 0.4, "high": 0.6}},
        "bounds": [{"metric": "auc", "of": "value", "at_least": 0.6, "met": False}],
    },
    {"slice": "hour=4", "error": "too few rows"},
)


def rich(found: Explanation) -> Explanation:
    """With everything that only large pipelines record, and names that look like markup."""
    return replace(
        found,
        code=Code(
            commits={"c0ffee" * 6 + "abcd": True},
            files={NASTY: "ab" * 32},
            environments=("e" * 64,),
            distributions={"keras": "3.1"},
            diffs=(DirtyDiff(commit="c0ffee", digest="d" * 64, text=f"-old\n+{NASTY}"),),
        ),
        evaluations=(
            Evaluation(
                execution_id=1,
                evaluation_id=2,
                metrics={"auc": 0.75, "loss": float("nan")},
                baseline_metrics={"auc": 0.7},
                slices=SLICES,
                slices_left_out=3,
                evaluated_at=datetime(2026, 1, 1, tzinfo=UTC),
            ),
        ),
        approvals=(
            Approval(
                execution_id=3,
                run_id="r",
                subject="push",
                decision="approved",
                by=NASTY,
                comment=NASTY,
                at="2026-01-01T00:00:00.000+00:00",
            ),
        ),
        missing=(NASTY,),
    )


def test_a_report_is_the_same_every_time(audited: Audited) -> None:
    first, second = (audit_report(explain(audited.store, Subject(version="101"))) for _ in range(2))
    assert canonical_json(first) == canonical_json(second)
    assert first["format"] == FORMAT


def test_every_part_has_its_digest(audited: Audited) -> None:
    report = audit_report(rich(explain(audited.store, Subject(version="102"))), notes="for demos only")
    parts = {name: part for name, part in report.items() if name not in ("format", "digests")}
    assert report["digests"] == {name: digest(f"audit-{name}", part) for name, part in parts.items()}
    assert json.loads(canonical_json(report)) == report


def test_everything_named_has_a_digest(audited: Audited) -> None:
    report = audit_report(explain(audited.store, Subject(version="102")))
    assert all(file["sha256"] for file in report["data"]["files"])
    assert all(artifact["digest"] for artifact in report["artifacts"])
    assert all(execution["digest"] for execution in report["executions"])
    used = {one["artifact"] for execution in report["executions"] for one in execution["inputs"]}
    assert used <= {artifact["id"] for artifact in report["artifacts"]}


def test_the_card_says_what_a_reader_asks_first(audited: Audited) -> None:
    card = audit_report(rich(explain(audited.store, Subject(version="102"))), notes="demos")["card"]
    assert card["spans"] == ["2013-06-01", "2013-06-02"]
    assert card["rows"] == {"train": 2}
    assert (card["verdict"], card["serving"], card["notes"]) == ("blessed", ["/served/toy"], "demos")
    assert card["metrics"] == {"auc": 0.75, "loss": "nan"}
    assert [(one["slice"], one["metric"]) for one in card["bounds_missed"]] == [(f"hour={NASTY}", "auc")]
