"""Requests are counted under the names of models, not under what somebody invents."""

from pathlib import Path

import pytest

from pipeline_lib.serving.server.answering import Answering
from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.refusals import Status
from pipeline_lib.serving.server.sources import Sources
from pipeline_lib.serving.versions import ModelConfig


@pytest.mark.parametrize(("model", "counted"), [("m", "m"), ("invented", "")])
def test_names(model: str, counted: str, tmp_path: Path) -> None:
    config = ModelConfig(name="m", base_path=str(tmp_path))
    manager = ModelManager(lambda directory: directory, [config], source=Sources(tmp_path))
    answering = Answering(manager, Metrics())
    answering.count(
        model, status=Status.NOT_FOUND, api="predict", entrypoint="REST", seconds=0.1, version=None
    )
    expected = f':tensorflow:serving:request_count{{model_name="{counted}",status="NOT_FOUND"}} 1'
    assert expected in answering.metrics.text()
