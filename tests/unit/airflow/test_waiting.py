"""The trigger that looks for data."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.airflow.waiting import DataArrived, all_there


def fired(seconds: float, *awaits: str, poll_seconds: float = 0.05) -> dict[str, Any]:
    until = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    trigger = DataArrived(awaits=awaits, poll_seconds=poll_seconds, until=until)

    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    payload: dict[str, Any] = asyncio.run(first()).payload
    return payload


def test_it_fires_when_all_is_there(tmp_path: Path) -> None:
    for name in ("a-1.csv", "b.csv"):
        (tmp_path / name).touch()
    started = time.monotonic()
    assert fired(30, f"{tmp_path}/a-*.csv", f"file://{tmp_path}/b.csv") == {"there": True}
    assert time.monotonic() - started < 25


def test_it_fires_at_the_deadline(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    assert fired(0.2, f"{tmp_path}/a.csv", f"{tmp_path}/b.csv") == {"there": False}


def test_without_globs_it_is_time_to_look_again() -> None:
    assert fired(30) == {"there": True}


def test_it_is_made_anew_in_the_triggerer(tmp_path: Path) -> None:
    path, arguments = DataArrived(
        awaits=(str(tmp_path),), poll_seconds=2, until="2026-01-01T00:00Z"
    ).serialize()
    assert path == "pipeline_lib.airflow.waiting.DataArrived"
    assert DataArrived(**arguments).serialize() == (path, arguments)


def test_a_place_that_cannot_be_read_holds_nothing_yet(caplog: pytest.LogCaptureFixture) -> None:
    assert not all_there(["http://127.0.0.1:9/x"]) if _has_http() else True
    assert not all_there(["/nowhere/*.csv"])


def _has_http() -> bool:
    import importlib.util

    return importlib.util.find_spec("aiohttp") is not None
