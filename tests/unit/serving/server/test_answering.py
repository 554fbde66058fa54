"""Requests are counted under the names of models, not under what somebody invents."""

from pathlib import Path

import pytest

from pipeline_lib.serving.server.answering import Answering, Call
from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.refusals import Status
from pipeline_lib.serving.server.sources import Sources
from pipeline_lib.serving.versions import ModelConfig


@pytest.fixture
def answering(tmp_path: Path) -> Answering:
    config = ModelConfig(name="m", base_path=str(tmp_path))
    manager = ModelManager(lambda directory: directory, [config], source=Sources(tmp_path))
    return Answering(manager, Metrics())  # type: ignore[arg-type]


@pytest.mark.parametrize(("model", "counted"), [("m", "m"), ("invented", "")])
def test_names(answering: Answering, model: str, counted: str) -> None:
    answering.count(model, Call(), status=Status.NOT_FOUND, api="predict", entrypoint="REST")
    expected = f':tensorflow:serving:request_count{{model_name="{counted}",status="NOT_FOUND"}} 1'
    assert expected in answering.metrics.text()
    assert ":tensorflow:serving:runtime_latency_count" not in answering.metrics.text()


def test_time_in_the_graph_is_told_apart(answering: Answering) -> None:
    call = Call(version=3)
    assert call.timed(sum, [1, 2]) == 3
    answering.count("m", call, status=None, api="multi_inference", entrypoint="GRPC")
    labels = 'model_name="m",API="MultiInference",runtime="TF1"'
    assert f":tensorflow:serving:runtime_latency_count{{{labels}}} 1" in answering.metrics.text()
