"""A child's lines, there and back."""

import logging
from typing import Any

import pytest

from pipeline_lib.runtime.log_lines import LineFormatter, LineReader, LogLine


def written(text: str, **extra: Any) -> str:
    record = logging.LogRecord("flights.x", logging.WARNING, "x.py", 1, text, None, None)
    vars(record).update(extra)
    return LineFormatter().format(record)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        pytest.param("few rows", {}, id="plain"),
        pytest.param("few rows", {"rows": 3, "span": "2026-01-01"}, id="fields"),
        pytest.param("a | {not json}", {}, id="like-fields"),
        pytest.param("a: b | {1}", {"rows": 3}, id="both"),
        pytest.param("", {"loss": 0.5}, id="only-fields"),
    ],
)
def test_a_record_is_read_as_it_was_written(text: str, fields: dict[str, Any]) -> None:
    assert LineReader().read(written(text, **fields)) == LogLine(
        text=text, level=logging.WARNING, logger="flights.x", fields=fields
    )


@pytest.mark.parametrize(
    ("line", "level", "logger", "text"),
    [
        pytest.param("ERROR: no rows", logging.INFO, "", "ERROR: no rows", id="printed"),
        pytest.param(
            "W1121 08:31:19.123456 140 file.py:12] slow",
            logging.WARNING,
            "file.py",
            "slow",
            id="absl",
        ),
        pytest.param(
            "2026-11-21 08:31:19.123456: E tensorflow/core/x.cc:12] no GPU",
            logging.ERROR,
            "tensorflow.core.x.cc",
            "no GPU",
            id="tensorflow",
        ),
    ],
)
def test_levels_of_libraries(line: str, level: int, logger: str, text: str) -> None:
    assert LineReader().read(line) == LogLine(text=text, level=level, logger=logger)


def test_a_traceback_is_an_error_to_its_last_line() -> None:
    lines = [
        "before",
        "Traceback (most recent call last):",
        '  File "x.py", line 1, in body',
        "ValueError: no",
        "after",
    ]
    reader = LineReader()
    assert [reader.read(line).level // 10 for line in lines] == [2, 4, 4, 4, 2]
