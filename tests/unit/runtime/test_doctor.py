"""Each finding, made to happen; and mended."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline_lib.metadata.records import NewExecution, NodeKey, State
from pipeline_lib.runtime.doctor import Doctor, Finding
from pipeline_lib.runtime.healing import staging_key
from pipeline_lib.runtime.processes import birth_of
from pipeline_lib.runtime.session import Session
from unit.runtime.toy_runs import launcher_of, toy_plan


@pytest.fixture
def doctor(session: Session) -> Doctor:
    return Doctor(store=session.store, artifacts=session.artifacts)


def found(doctor: Doctor) -> list[Finding]:
    return list(doctor.examine())


def mended(doctor: Doctor) -> list[str]:
    told = [finding.mended for finding in replace(doctor, mend=True).examine()]
    assert found(doctor) == []
    return told


def started(session: Session, **facts: Any) -> int:
    """An execution that some launcher registered and never ended."""
    plan = toy_plan("chain")
    launcher_of(session, plan)
    key = NodeKey(pipeline="chain", run_id="run-1", node="read")
    return session.store.start(
        NewExecution(key=key, type_name="toy.read", cache_key="", inputs={}, parameters={}, facts=facts)
    )


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_healthy_store_has_no_findings(session: Session, doctor: Doctor, number: dict[str, Any]) -> None:
    session.run(toy_plan("chain"), number)
    assert found(doctor) == found(replace(doctor, full=True)) == []


def test_an_execution_whose_process_is_gone_is_an_orphan(session: Session, doctor: Doctor) -> None:
    execution = started(session, host=socket.gethostname(), pid=ended_process(), pid_started="another/1")
    (finding,) = found(doctor)
    assert (finding.kind, finding.subject) == ("orphan", f"execution {execution} (read)")
    assert mended(doctor) == ["marked FAILED"]
    record = session.store.execution(execution)
    assert record is not None
    assert (record.state, record.facts["orphaned"]) == (State.FAILED, True)


def test_a_process_id_that_was_given_anew_is_an_orphan(session: Session, doctor: Doctor) -> None:
    parent = psutil.Process().ppid()
    born = birth_of(parent)
    started(session, host=socket.gethostname(), pid=parent, pid_started=f"{born}0")
    assert [finding.kind for finding in found(doctor)] == ["orphan"]


def test_an_execution_without_a_process_is_an_orphan(session: Session, doctor: Doctor) -> None:
    started(session, host=socket.gethostname())
    assert [finding.kind for finding in found(doctor)] == ["orphan"]


def test_what_still_runs_is_left_alone(session: Session, doctor: Doctor) -> None:
    here = socket.gethostname()
    parent = psutil.Process().ppid()
    started(session, host=here, pid=os.getpid(), pid_started=birth_of(os.getpid()))
    started(session, host=here, pid=parent, pid_started=birth_of(parent))
    assert found(doctor) == []


def test_of_another_machine_nobody_can_say(session: Session, doctor: Doctor) -> None:
    started(session, host="another", pid=1, pid_started="another/1")
    assert found(doctor) == []


def test_lost_files_are_missing(session: Session, doctor: Doctor, number: dict[str, Any]) -> None:
    (artifact,) = session.run(toy_plan("chain"), number).of("add")[0].outputs["number"]
    Path(artifact.uri, "number.txt").unlink()
    (finding,) = found(doctor)
    assert (finding.kind, finding.subject) == ("missing", f"Number {artifact.id}")
    assert artifact.uri in finding.detail
    assert mended(doctor) == ["marked ABANDONED: the next run makes it anew"]


def test_changed_files_are_corrupt(session: Session, doctor: Doctor, number: dict[str, Any]) -> None:
    (artifact,) = session.run(toy_plan("chain"), number).of("read")[0].outputs["number"]
    Path(artifact.uri, "number.txt").write_text("9")
    assert found(doctor) == []  # sizes agree
    (finding,) = found(replace(doctor, full=True))
    assert finding.kind == "corrupt"


def test_staging_that_nobody_writes_to_is_removed(session: Session, doctor: Doctor) -> None:
    fresh, stale = session.artifacts.staging("fresh"), session.artifacts.staging("stale")
    for folder in (fresh, stale):
        folder.mkdir(parents=True, exist_ok=True)
    os.utime(stale, (1.0, 1.0))
    (finding,) = found(doctor)
    assert (finding.kind, finding.subject) == ("staging", str(stale))
    assert mended(doctor) == ["removed"]
    assert (fresh.exists(), stale.exists()) == (True, False)


def test_staging_of_a_living_try_is_never_stale(session: Session, doctor: Doctor) -> None:
    """A training that takes longer than a day may write all it puts out at its end."""
    execution = started(session, host=socket.gethostname(), pid=os.getpid())
    key = NodeKey(pipeline="chain", run_id="run-1", node="read")
    staging = session.artifacts.staging(staging_key(key, execution))
    os.utime(staging, (1.0, 1.0))
    assert list(replace(doctor, mend=True).examine()) == []
    assert staging.exists()
