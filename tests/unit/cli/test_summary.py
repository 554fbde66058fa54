"""The end of a run, for people."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline_lib.cli.console import out
from pipeline_lib.cli.summary import headline, summarise
from pipeline_lib.errors import ComponentFailedError, OutputMismatchError
from pipeline_lib.metadata.records import NodeKey, State, StoredArtifact
from pipeline_lib.runtime.results import NodeResult, Outcome, RunResult


def result(*nodes: NodeResult, state: State = State.COMPLETE) -> RunResult:
    return RunResult(pipeline="p", run_id="p-1", state=state, span="2013-06-14", seconds=75.0, nodes=nodes)


def node(name: str, *artifacts: StoredArtifact, **changes: Any) -> NodeResult:
    key = NodeKey(pipeline="p", run_id="p-1", node=name)
    outputs = {artifact.type_name: (artifact,) for artifact in artifacts}
    return NodeResult(**{"key": key, "outcome": Outcome.COMPLETE, "outputs": outputs, **changes})


def artifact(kind: str, uri: str = "s3://b/x", number: int = 1, **properties: Any) -> StoredArtifact:
    return StoredArtifact(
        id=number,
        type_name=kind,
        uri=uri,
        digest="d",
        properties=properties,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def shown(ended: RunResult) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(summarise(ended))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def test_the_headline_counts_what_people_count() -> None:
    ended = result(
        node("a"),
        node("b", outcome=Outcome.CACHED),
        node("c", outcome=Outcome.CACHED),
        node("d", outcome=Outcome.RESOLVED),
        node("e", outcome=Outcome.LEFT_OUT),
    )
    assert headline(ended).plain == "2013-06-14  complete in 75.0 s: 1 complete, 2 cached"


def test_metrics_stand_beside_the_baseline() -> None:
    evaluation = artifact(
        "ModelEvaluation", metrics={"auc": 0.75, "loss": 0.5}, baseline_metrics={"auc": 0.7}
    )
    table = shown(result(node("evaluate", evaluation))).partition("metric ")[2].splitlines()
    assert [row.split() for row in table[1:3]] == [
        ["auc", "0.7500", "0.7000", "+0.0500"],
        ["loss", "0.5000"],
    ]


def test_without_a_baseline_there_is_one_column() -> None:
    text = shown(result(node("evaluate", artifact("ModelEvaluation", metrics={"auc": 0.75}))))
    assert "baseline" not in text
    assert "auc         0.7500" in text


def test_an_evaluation_of_other_make_may_have_no_metrics() -> None:
    assert "metric" not in shown(result(node("evaluate", artifact("ModelEvaluation"))))


def test_a_model_that_is_not_blessed_says_why(tmp_path: Path) -> None:
    reasons = [{"detail": f"auc is too low in slice {n}"} for n in range(6)]
    (tmp_path / "reasons.json").write_text(json.dumps({"reasons": reasons}))
    blessing = artifact("ModelBlessing", str(tmp_path), blessed=False, outcome="threshold_missed")
    text = shown(result(node("evaluate", blessing)))
    assert "not blessed: threshold missed" in text
    assert "auc is too low in slice 0" in text
    assert "and 2 more" in text


@pytest.mark.parametrize("content", ["", "[]", '{"reasons": [{}]}'])
def test_reasons_that_cannot_be_read_are_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "reasons.json").write_text(content)
    blessing = artifact("ModelBlessing", str(tmp_path), blessed=False, outcome="no_thresholds")
    assert "not blessed: no thresholds" in shown(result(node("evaluate", blessing)))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (artifact("ModelBlessing", blessed=True), "blessed, without a baseline"),
        (artifact("ModelBlessing", blessed=True, baseline_model_id=3), "blessed   s3://b/x"),
        (artifact("ExampleAnomalies", blessed={"train": 1, "eval": 1}), "none that are not waived"),
        (artifact("ExampleAnomalies", blessed={"train": 1, "eval": 0}), "in eval"),
        (
            artifact("PushedModel", pushed=True, pushed_version="7", pushed_destination="s/7"),
            "version 7   s/7",
        ),
        (artifact("PushedModel", pushed=False, reason="not blessed"), "not pushed: not blessed"),
    ],
)
def test_what_came_out_is_told_in_words(made: StoredArtifact, told: str) -> None:
    assert told in shown(result(node("n", made)))


def test_a_long_place_gets_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "_width", 100)
    place = "s3://" + "b" * 70
    lines = shown(result(node("n", artifact("ModelBlessing", place, blessed=True)))).splitlines()
    assert place in [line.strip() for line in lines]


@pytest.mark.parametrize(
    ("value", "text"),
    [(3198.0, "3198"), (0.8, "0.8000"), (1.0, "1.0000"), (0.0, "0"), (1e-5, "1e-05"), (float("nan"), "")],
)
def test_metrics_have_four_decimals_and_counts_none(value: float, text: str) -> None:
    shown_ = shown(result(node("e", artifact("ModelEvaluation", metrics={"m": value}))))
    assert [line.split()[1:] for line in shown_.splitlines() if line.split()[:1] == ["m"]] == [text.split()]


def test_what_resolvers_chose_is_not_told() -> None:
    chosen = node("latest", artifact("ModelBlessing", blessed=True), outcome=Outcome.RESOLVED)
    assert "blessing" not in shown(result(chosen))


def test_a_failure_shows_its_error_and_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("".join(f"line {number}\n" for number in range(40)))
    failed = node(
        "train",
        outcome=Outcome.FAILED,
        error=ComponentFailedError("train raised ValueError", fix="mend it"),
        log=log,
        tries=3,
    )
    text = shown(result(failed, state=State.FAILED))
    assert "train failed 3 times\n[PL420] train raised ValueError\n  fix: mend it\n  log:" in text
    assert "line 39" in text
    assert "line 27" not in text


def test_an_error_that_says_what_is_wrong_goes_without_the_log(tmp_path: Path) -> None:
    log = tmp_path / "validate.log"
    log.write_text("Traceback\n")
    refused = OutputMismatchError("train returned two models", fix="return one")
    text = shown(result(node("train", outcome=Outcome.FAILED, error=refused, log=log), state=State.FAILED))
    assert "log:" in text
    assert "Traceback" not in text
