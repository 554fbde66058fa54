from pathlib import Path

import pytest

from pipeline_lib.runtime.endings import TAIL_LINES, log_tail, response_of
from pipeline_lib.runtime.host.protocol import ExecuteOrder, ExitStatus
from pipeline_lib.runtime.messages import Failure, Response, Usage


@pytest.fixture
def order(tmp_path):
    (tmp_path / "log").write_text("last words\n")
    return ExecuteOrder(
        request=str(tmp_path / "request"),
        response=str(tmp_path / "response"),
        log=str(tmp_path / "log"),
        progress=str(tmp_path / "progress"),
        scratch=str(tmp_path),
        timeout_seconds=5,
        environ={},
        directory="/",
    )


def write(order, response):
    Path(order.response).write_text(response.model_dump_json())


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (ExitStatus(exit_code=3), "PL422", "exit code 3"),
        (ExitStatus(signal=9), "PL422", "SIGKILL"),
        (ExitStatus(signal=9, out_of_memory=True), "PL422", "ran out of memory"),
        (ExitStatus(signal=11), "PL422", "SIGSEGV"),
        (ExitStatus(signal=9, stopped="timeout"), "PL423", "longer than 5 s"),
        (ExitStatus(signal=15, stopped="cancel"), "PL424", "stopped"),
        (ExitStatus(signal=9, stopped="host stopped"), "PL424", "stopped"),
    ],
)
def test_a_death_without_a_response_is_told(order, request_for, status, code, words):
    failure = response_of(status, order, request_for("write")).failure
    assert failure is not None
    assert failure.error["code"] == code
    assert words in failure.error["summary"]


def test_the_kernels_figures_stand_in(order, request_for):
    status = ExitStatus(signal=9, wall_seconds=2.0, cpu_seconds=1.0, peak_memory_bytes=3 << 20)
    response = response_of(status, order, request_for("write"))
    assert response.usage == Usage(wall_seconds=2.0, cpu_seconds=1.0, peak_memory_bytes=3 << 20)
    assert response.failure is not None
    assert response.failure.error["facts"]["peak_memory"] == "3 MiB"
    assert response.failure.error["facts"]["log"] == "last words"


def test_a_result_counts_even_if_the_process_broke_afterwards(order, request_for):
    done = Response(usage=Usage(wall_seconds=1.0))
    write(order, done)
    assert response_of(ExitStatus(signal=11), order, request_for("write")) == done
    assert response_of(ExitStatus(stopped="timeout"), order, request_for("write")) == done


def test_a_time_out_takes_the_place_from_the_stopped_body(order, request_for):
    error = {"code": "PL424", "summary": "stopped", "facts": {}, "at": "model.py:7", "fix": "x"}
    write(order, Response(failure=Failure(error=error, traceback="at model.py")))
    failure = response_of(ExitStatus(stopped="timeout"), order, request_for("write")).failure
    assert failure is not None
    assert failure.error["code"] == "PL423"
    assert failure.error["at"] == "model.py:7"
    assert failure.traceback == "at model.py"


def test_the_end_of_a_log(tmp_path):
    log = tmp_path / "log"
    log.write_text("\n".join(f"line {n}" for n in range(10_000)))
    assert log_tail(log).splitlines() == [f"line {n}" for n in range(10_000 - TAIL_LINES, 10_000)]
    assert log_tail(tmp_path / "none") == ""
