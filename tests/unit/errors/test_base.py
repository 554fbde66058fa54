"""Errors: form, pickling, codes, and the list in docs/errors.md."""

import pickle
import re
from pathlib import Path

import pytest

import pipeline_components.errors  # noqa: F401  registers its classes
import pipeline_lib.errors  # noqa: F401
from pipeline_lib.errors import PipelineError, ProfileError


def _classes() -> list[type[PipelineError]]:
    found, pending = [], [PipelineError]
    while pending:
        cls = pending.pop()
        pending.extend(cls.__subclasses__())
        if cls.__module__.startswith(("pipeline_lib.errors", "pipeline_components.errors")):
            found.append(cls)
    return [cls for cls in found if cls is not PipelineError and not cls.__name__.startswith("_")]


def test_message_names_thing_facts_place_and_fix() -> None:
    error = ProfileError("no profile x", at="configs/x.yaml", fix="write it", profiles="local")
    assert str(error) == (
        "[PL601] no profile x\n  profiles: local\n  at:       configs/x.yaml\n  fix:      write it"
    )


@pytest.mark.parametrize("cls", _classes(), ids=lambda cls: cls.__name__)
def test_errors_survive_pickling(cls: type[PipelineError]) -> None:
    error = cls("what", fix="how", at="where", needs="a", got="b")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (cls, str(error))


def test_json_round_trip_keeps_the_code() -> None:
    error = ProfileError("what", fix="how", at="where", got="b")
    again = PipelineError.from_json(error.as_json())
    assert str(again) == str(error)


def test_codes_are_unique() -> None:
    codes = [cls.code for cls in _classes() if "code" in vars(cls)]
    assert sorted(codes) == sorted(set(codes))


def test_every_error_has_a_code_of_its_own() -> None:
    assert [cls.__name__ for cls in _classes() if "code" not in vars(cls)] == []


def test_docs_list_the_same_errors_as_the_code() -> None:
    text = Path("docs/errors.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| (P[LC]\d{3}) \| `?(\w+)`? \|", text, flags=re.MULTILINE))
    assert documented == {cls.code: cls.__name__ for cls in _classes()}
