import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_lib.artifacts.workspace import Workspace, use_workspace
from pipeline_lib.dsl.parameters import UserModule
from pipeline_lib.errors import CodeChangedError, ComponentImportError
from pipeline_lib.plan.models import CodeRef
from pipeline_lib.runtime import child
from pipeline_lib.runtime.messages import InputArtifact, Response


def respond(request):
    return child.respond(request, [].append)


def test_dates_come_back_as_text(request_for):
    example = InputArtifact(id=1, uri="/data", digest="d")
    request = request_for("describe").model_copy(update={"inputs": {"examples": (example, example)}})
    (made,) = respond(request).outputs["result"]
    assert made.type_name == "Dated"
    assert made.properties == {"day": "2013-01-02", "rows": 2}


def test_a_property_is_looked_at_again_when_the_body_has_ended(request_for):
    failure = respond(request_for("change_afterwards")).failure
    assert failure is not None
    assert (failure.error["code"], failure.error["summary"]) == (
        "PL202",
        "Scored.scores cannot be {'loss': nan}",
    )


def test_what_is_no_artifact_is_refused(request_for):
    failure = respond(request_for("pass_through")).failure
    assert failure is not None
    assert failure.error["code"] == "PL404"


@pytest.mark.parametrize(
    ("body", "code", "retryable"),
    [
        ("raise_ours", "PL207", False),
        ("raise_passing", "PL208", True),
        ("raise_foreign", "PL420", True),
        ("call_exit", "PL420", True),
        ("no_such_name", "PL421", False),
    ],
)
def test_every_failure_is_a_response(request_for, body, code, retryable):
    failure = respond(request_for(body)).failure
    assert failure is not None
    assert failure.error["code"] == code
    assert failure.retryable is retryable


def test_a_module_that_cannot_be_imported_names_its_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "half_a_module.py").write_text("import json\nimport no_such_library\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ComponentImportError, match="No module named 'no_such_library'") as raised:
        child.load(CodeRef(module="half_a_module", qualname="x"))
    assert raised.value.at == f"{tmp_path / 'half_a_module.py'}:2"


@pytest.mark.parametrize("content", [pytest.param("x = 2", id="edited"), pytest.param(None, id="gone")])
def test_source_that_was_edited_since_its_key_is_not_run(request_for, tmp_path, content):
    source = tmp_path / "model.py"
    source.write_text("x = 1")
    digest = hashlib.sha256(b"x = 1").hexdigest()
    request = request_for("describe").model_copy(update={"sources": {str(source): digest}})
    assert respond(request).failure is None
    source.unlink() if content is None else source.write_text(content)
    failure = respond(request).failure
    assert failure is not None
    assert (failure.error["code"], failure.error["at"]) == ("PL444", str(source))
    assert failure.retryable


def test_source_that_is_edited_while_the_body_runs_is_compared_where_it_is_imported(
    request_for, tmp_path, monkeypatch
):
    """A user's module counts as it was imported; what is edited later is the next run's."""
    source = tmp_path / "users_model.py"
    source.write_text("x = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    sources = {str(source): hashlib.sha256(b"x = 1").hexdigest()}
    space = Workspace(staging=tmp_path, verify_code=lambda: child.require_unchanged(sources))
    with use_workspace(space):
        assert UserModule("users_model").load().x == 1
        source.write_text("x = 2")
        assert UserModule("users_model").load().x == 1
        with pytest.raises(CodeChangedError, match="edited while its node was being started"):
            UserModule(str(source)).load()


def test_a_remote_input_is_copied_once(request_for, tmp_path):
    """By the artifact store; a local one is read where it is."""
    localise = child._localiser(request_for("describe"))
    assert localise("file:///data/a", "d") == Path("/data/a")
    assert localise("/data/a", "d") == Path("/data/a")


def test_as_a_command(request_for, tmp_path):
    request, response = tmp_path / "request.json", tmp_path / "response.json"
    progress = tmp_path / "progress.jsonl"
    request.write_text(request_for("progress").model_dump_json())
    command = [sys.executable, "-m", "pipeline_lib.runtime.child", request, response, "--progress", progress]
    subprocess.run(command, check=True)
    assert Response.model_validate_json(response.read_text()).failure is None
    assert len(progress.read_text().splitlines()) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "progress.jsonl",
        "request.json",
        "response.json",
    ]


def test_a_terminated_command_still_says_what_happened(request_for, tmp_path):
    request, response, notes = (tmp_path / name for name in ("request.json", "response.json", "notes"))
    request.write_text(request_for("sleep", notes=str(notes)).model_dump_json())
    process = subprocess.Popen([sys.executable, "-m", "pipeline_lib.runtime.child", request, response])
    from unit.runtime.background import pids_in

    _, other = pids_in(notes)
    process.terminate()
    process.wait(60)
    subprocess.run(["kill", str(other)], check=True)
    failure = Response.model_validate_json(response.read_text()).failure
    assert failure is not None
    assert failure.error["code"] == "PL424"
    assert notes.with_suffix(".tidied").exists()
