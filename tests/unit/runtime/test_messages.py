"""The two files between launcher and child, which may be of different environments."""

import pytest
from pydantic import ValidationError

from pipeline_lib.plan.models import CodeRef
from pipeline_lib.runtime.messages import Failure, InputArtifact, OutputArtifact, Request, Response, Usage

REQUEST = Request(
    code=CodeRef(module="m", qualname="f"),
    import_paths=("/dags",),
    sources={"/dags/m.py": "ab"},
    inputs={"examples": (InputArtifact(id=1, uri="s3://b/1", digest="d", properties={"span": 3}),)},
    parameters={"steps": 3, "rates": [0.1, None]},
    staging="/staging/7",
    kept="/logs/train",
    environment="old-tensorflow",
)


def test_a_request_is_all_a_process_needs() -> None:
    assert Request.model_validate_json(REQUEST.model_dump_json()) == REQUEST


def test_a_response_is_outputs_or_a_failure() -> None:
    done = Response(
        outputs={"model": (OutputArtifact(type_name="Model", path="/staging/7/Model-1"),)},
        facts={"served": 7},
        usage=Usage(wall_seconds=1.5, peak_memory_bytes=2**31),
    )
    assert Response.model_validate_json(done.model_dump_json()) == done
    failed = Response(failure=Failure(error={"code": "PL420", "summary": "x", "fix": "y"}))
    assert Response.model_validate_json(failed.model_dump_json()).failure == failed.failure


@pytest.mark.parametrize("changes", [{"version": 2}, {"timeout": 3}], ids=["version", "unknown"])
def test_what_another_version_says_is_refused_not_guessed(changes: dict[str, int]) -> None:
    record = REQUEST.model_dump(mode="json") | changes
    with pytest.raises(ValidationError):
        Request.model_validate(record)
