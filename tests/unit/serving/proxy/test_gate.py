"""A canary is judged by what happened meanwhile, beside the stable version."""

import json
from pathlib import Path

import pytest

from pipeline_lib.serving.proxy.gate import Gate, Observed, Verdict, judge, read_log, read_metrics
from pipeline_lib.serving.server.metrics import Metrics


def page(*answers: tuple[int, str, float]) -> str:
    metrics = Metrics()
    for version, status, seconds in answers:
        metrics.answered(
            "m", status=status, api="predict", entrypoint="REST", seconds=seconds, version=version
        )
    return metrics.text()


def test_a_page_of_metrics() -> None:
    text = page(*[(1, "OK", 0.001)] * 98, *[(1, "INTERNAL", 0.05)] * 2, (2, "OK", 0.001))
    found = read_metrics(text, "m", 1)
    assert found is not None
    assert (found.requests, found.errors, found.error_rate) == (100, 2, 0.02)
    assert 0.0006 < found.seconds(0.5) < 0.0012
    assert 0.03 < found.seconds(0.999) < 0.07
    assert read_metrics(text, "m", 3) == Observed()
    assert read_metrics(":tensorflow:serving:request_count{} 1", "m", 1) is None


def test_what_came_since() -> None:
    before, after = (
        read_metrics(page((1, "OK", 0.001)), "m", 1),
        read_metrics(page(*[(1, "OK", 0.1)] * 3), "m", 1),
    )
    assert before is not None
    assert after is not None
    assert after.since(before).requests == 2
    assert before.since(after) == before, "the server began anew"
    assert (before + after).requests == 4


def test_the_proxys_log(tmp_path: Path) -> None:
    log = tmp_path / "requests.log"
    assert read_log(log, 0, "m", "canary") == Observed()
    entries = [
        ("canary", "200", 0.002),
        ("canary", "404 : 200", 0.004),
        ("stable", "200", 0.001),
        ("canary", "", 1),
    ]
    told = [
        json.dumps({"model": "m", "variant": variant, "status": status, "seconds": seconds})
        for variant, status, seconds in entries
    ]
    log.write_text("\n".join([*told, '{"model": "m", "vari']))
    found = read_log(log, 0, "m", "canary")
    assert (found.requests, found.errors) == (3, 2)
    assert found.seconds(0.5) == pytest.approx(0.003, abs=0.001)
    assert read_log(log, len(told[0]) + 1, "m", "canary").requests == 2


def seen(requests: int, errors: int = 0, micros: float = 1000) -> Observed:
    return Observed(requests=requests, errors=errors, below={micros: requests})


@pytest.mark.parametrize(
    ("canary", "verdict", "reason"),
    [
        (seen(99), Verdict.UNDECIDED, "99 of 100 requests so far"),
        (seen(100), Verdict.PASSED, None),
        (seen(100, errors=2), Verdict.PASSED, None),
        (seen(100, errors=3), Verdict.FAILED, "3.00% of requests fail, 1.00% of stable's"),
        (seen(100, micros=1600), Verdict.FAILED, "at stable"),
    ],
)
def test_verdicts(canary: Observed, verdict: Verdict, reason: str | None) -> None:
    found, reasons = judge(seen(1000, errors=10), canary, Gate())
    assert found is verdict
    assert (reason is None) == (not reasons)
    assert reason is None or reason in reasons[0]
