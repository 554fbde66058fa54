import json
from pathlib import Path

import pytest

from pipeline_lib.errors import ArtifactStoreError, CorruptPayloadError
from pipeline_lib.plan.models import CodeRef
from pipeline_lib.runtime.failures import MESSAGE_LIMIT, Canceled, failure_of, user_place

CODE = CodeRef(module="flights", qualname="train")


class OwnError(Exception):
    pass


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as found:  # noqa: BLE001  exits are among them
        return found


def line_of(place: str) -> str:
    file, number = place.rsplit(":", 1)
    return Path(file).read_text().splitlines()[int(number) - 1]


def test_a_foreign_exception_is_wrapped():
    failure = failure_of(caught(KeyError("tail")), CODE)
    assert failure.error["code"] == "PL420"
    assert failure.error["summary"] == "train raised KeyError: 'tail'"
    assert "raise error" in line_of(failure.error["at"])
    assert failure.retryable


def test_an_exception_of_a_module_is_named_in_full():
    failure = failure_of(caught(OwnError()), CODE)
    assert failure.error["summary"].endswith("test_failures.OwnError")


def test_what_is_no_text_is_told_in_escapes():
    """A file name of other bytes than UTF-8, a screen's own commands, a zero that PostgreSQL refuses."""
    said = failure_of(caught(ValueError("caf\udce9\x1b[31m\x00 日本\u3000語\n\tnext")), CODE)
    assert said.error["summary"] == "train raised ValueError: caf\\udce9\\x1b[31m\\x00 日本\u3000語\n\tnext"
    assert "caf\\udce9\\x1b[31m" in said.traceback
    assert said.model_dump_json()
    ours = failure_of(caught(CorruptPayloadError("bad \udcff", at="/\udcff", fix="x", file="\udcff")), CODE)
    assert ours.error["summary"] == "bad \\udcff"
    assert (ours.error["at"], ours.error["facts"]) == ("/\\udcff", {"file": "\\udcff"})


def test_an_error_without_a_text_is_still_told():
    class MuteError(Exception):
        def __str__(self):
            raise LookupError

    said = failure_of(caught(MuteError()), CODE).error
    assert said["summary"].endswith("MuteError: an error whose text cannot be made: LookupError")
    assert "raise error" in line_of(said["at"])


def test_our_errors_stay_what_they_are():
    ours = CorruptPayloadError("model.bin is damaged", at="/x", fix="run again")
    failure = failure_of(caught(ours), CODE)
    assert failure.error == ours.as_json()
    assert not failure.retryable


def test_what_passes_may_be_tried_again():
    assert failure_of(caught(ArtifactStoreError("no answer", fix="wait")), CODE).retryable


def test_an_error_may_say_itself_whether_it_passes():
    class WaitingError(CorruptPayloadError):
        retryable = True

    assert failure_of(caught(WaitingError("not there yet", fix="wait")), CODE).retryable


def test_the_place_is_the_users_line_not_the_librarys():
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads("{")
    assert 'json.loads("{")' in line_of(user_place(raised.value) or "")


def test_a_syntax_error_is_where_it_was_found(tmp_path):
    file = tmp_path / "model.py"
    with pytest.raises(SyntaxError) as raised:
        compile("x = 1\ndef f(:\n", str(file), "exec")
    assert user_place(raised.value) == f"{file}:2"


def test_frames_of_the_library_that_lead_there_are_left_out():
    from pipeline_lib.hashing import canonical_json

    with pytest.raises(TypeError) as raised:
        canonical_json({1: 2})
    trace = failure_of(raised.value, CODE).traceback
    assert "test_failures.py" in trace
    assert "string keys" in trace


def test_a_long_message_is_cut():
    failure = failure_of(caught(ValueError("x" * 100_000)), CODE)
    assert len(failure.error["summary"]) < MESSAGE_LIMIT + 100


def test_exit_and_cancel():
    assert "called sys.exit(3)" in failure_of(caught(SystemExit(3)), CODE).error["summary"]
    canceled = failure_of(caught(Canceled()), CODE)
    assert canceled.error["code"] == "PL424"
    assert not canceled.retryable
