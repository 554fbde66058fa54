"""The page of an audit report: everything escaped, nothing from elsewhere."""

import re

import pytest

from pipeline_lib.lineage import Subject, explain
from pipeline_lib.lineage.audit.page import _bound, audit_page
from pipeline_lib.lineage.audit.report import audit_report
from unit.lineage.audit.test_report import NASTY, rich
from unit.lineage.conftest import Audited


def test_names_are_never_markup(audited: Audited) -> None:
    page = audit_page(audit_report(rich(explain(audited.store, Subject(version="102"))), notes=NASTY))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 7
    tags = set(re.findall(r"</?([a-zA-Z0-9]+)", page))
    assert not tags & {"script", "img", "iframe", "link", "object", "b", "svg", "form", "base"}


def test_a_page_is_whole_in_itself(audited: Audited) -> None:
    page = audit_page(audit_report(explain(audited.store, Subject(version="101"))))
    assert not re.search(r"(src|href)=[\"'](?!#)", page)
    # What a working copy had changed is shown as text, and may name anything.
    told = re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
    assert "http" not in told.replace('http-equiv="Content-Security-Policy"', "")
    assert "@page" in page


def test_a_page_names_what_happened(audited: Audited) -> None:
    page = audit_page(audit_report(rich(explain(audited.store, Subject(version="101")))))
    for text in (
        "one.csv",
        "blessed",
        "Version 101",
        "102",
        "approved",
        "too few rows",
        "with changes",
        "0.75",
    ):
        assert text in page, text


def test_what_is_not_recorded_is_said(audited: Audited) -> None:
    refused = audited.made("Model")[1]
    page = audit_page(audit_report(explain(audited.store, Subject(artifact=refused.id))))
    for text in ("no evaluation is recorded", "nobody was asked", "threshold missed", "auc is &lt;b&gt;0.5"):
        assert text in page, text


@pytest.mark.parametrize(
    ("bound", "told"),
    [
        ({"metric": "auc", "at_least": 0.6, "met": False}, "auc at least 0.6: missed"),
        (
            {"name": "auc", "at_most": None, "per_slice": [{"on": "origin", "at_least": 0.123456}]},
            "auc on each origin at least 0.123456",
        ),
        (
            {"name": "auc", "at_least": 0.6, "per_slice": [{"on": {"where": {"hour": 5}}, "at_most": 0.7}]},
            "auc at least 0.6, on hour 5 at most 0.7",
        ),
        ({"name": "auc", "per_slice": 3}, "auc 3"),
    ],
)
def test_a_bound_is_told_in_words_and_to_the_last_digit(bound: dict[str, object], told: str) -> None:
    assert _bound(bound) == told
