"""Commits, changes to them, files, environments."""

import hashlib
from dataclasses import replace

from pipeline_lib.lineage.models.code import code_of
from unit.lineage.conftest import Audited

DIFF = "diff --git a/m.py b/m.py\n-old \\ 'x'\n+new"
DIGEST = hashlib.sha256(DIFF.encode()).hexdigest()


def test_what_differed_from_a_commit_is_read_back(audited: Audited) -> None:
    (made,) = audited.store.producers([audited.made("Model")[0].id])
    facts = {**made.facts, "git_commit": "c0ffee", "git_dirty": True, "git_diff_digest": DIGEST}
    audited.store.keep_text(DIGEST, DIFF)
    found = code_of(audited.store, [replace(made, facts=facts)] * 2)
    assert found.commits == {"c0ffee": True}
    (diff,) = found.diffs
    assert (diff.commit, diff.digest, diff.text) == ("c0ffee", DIGEST, DIFF)


def test_a_diff_that_was_not_kept_is_named(audited: Audited) -> None:
    (made,) = audited.store.producers([audited.made("Model")[0].id])
    found = code_of(audited.store, [replace(made, facts={"git_diff_digest": "0" * 64})])
    assert [diff.text for diff in found.diffs] == [None]


def test_two_versions_of_a_file_are_both_named(audited: Audited) -> None:
    first = replace(audited.store.producers([audited.made("Model")[0].id])[0], id=1)
    executions = [
        replace(first, id=number, facts={"cache_parts": {"files": {"m.py": digest}}})
        for number, digest in ((1, "a"), (2, "b"), (3, "a"))
    ]
    assert code_of(audited.store, executions).files == {"m.py": "a", "m.py (execution 2)": "b"}
