"""TensorFlow Serving's configuration files mean the same here."""

from pathlib import Path

import pytest
from tensorflow_serving.config import model_server_config_pb2

from pipeline_lib.errors import ServerSettingsError
from pipeline_lib.serving.server.batching import BatchingOptions
from pipeline_lib.serving.server.configs import (
    read_batching_file,
    read_config_file,
    read_configs,
    write_configs,
)
from pipeline_lib.serving.server.refusals import Refusal, Status
from pipeline_lib.serving.versions import All, Latest, ModelConfig, Specific

CONFIGS = [
    ModelConfig(name="a", base_path="/models/a"),
    ModelConfig(name="b", base_path="s3://models/b", policy=Latest(3)),
    ModelConfig(name="c", base_path="/models/c", policy=Specific((1, 4)), labels={"stable": 1}),
    ModelConfig(name="d", base_path="/models/d", policy=All()),
]


def test_what_is_written_is_read() -> None:
    message = model_server_config_pb2.ModelServerConfig()
    write_configs(CONFIGS, message)
    assert read_configs(message) == CONFIGS


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("custom_model_config {}", Status.UNIMPLEMENTED, "custom_model_config"),
        ("model_config_list { config { name: 'a' } }", Status.INVALID_ARGUMENT, "name and an absolute"),
        (
            "model_config_list { config { name: 'a' base_path: 'b' } }",
            Status.INVALID_ARGUMENT,
            "absolute path or URI",
        ),
        (
            "model_config_list { config { name: 'a' base_path: '/b' model_platform: 'caffe' } }",
            Status.INVALID_ARGUMENT,
            "Model a requests unsupported platform caffe",
        ),
        (
            "model_config_list { config { name: 'a' base_path: '/b' } }",
            Status.INVALID_ARGUMENT,
            "Illegal setting neither",
        ),
        (
            "model_config_list { config { name: 'a' base_path: '/b' model_platform: 'tensorflow' } "
            "config { name: 'a' base_path: '/c' model_platform: 'tensorflow' } }",
            Status.INVALID_ARGUMENT,
            "multiple times",
        ),
        (
            "model_config_list { config { name: 'a' base_path: '/b' model_platform: 'tensorflow' "
            "model_version_policy { specific {} } } }",
            Status.INVALID_ARGUMENT,
            "must not be empty",
        ),
    ],
)
def test_what_makes_no_sense(text: str, status: Status, message: str, tmp_path: Path) -> None:
    from google.protobuf import text_format

    with pytest.raises(Refusal, match=message) as refused:
        read_configs(text_format.Parse(text, model_server_config_pb2.ModelServerConfig()))
    assert refused.value.status is status
    (tmp_path / "models.conf").write_text(text)
    with pytest.raises(ServerSettingsError, match="makes no sense"):
        read_config_file(tmp_path / "models.conf")


def test_an_empty_file_unloads_nothing(tmp_path: Path) -> None:
    (tmp_path / "models.conf").touch()
    with pytest.raises(ServerSettingsError, match="names no model"):
        read_config_file(tmp_path / "models.conf")


def test_batching_parameters(tmp_path: Path) -> None:
    file = tmp_path / "batching.conf"
    file.write_text(
        "max_batch_size { value: 8 } batch_timeout_micros { value: 1000 } max_enqueued_batches { value: 5 } "
        "num_batch_threads { value: 3 } allowed_batch_sizes: 4 allowed_batch_sizes: 8"
    )
    assert read_batching_file(file) == BatchingOptions(
        max_batch_size=8,
        batch_timeout_micros=1000,
        max_enqueued_batches=5,
        num_batch_threads=3,
        allowed_batch_sizes=(4, 8),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch { value: 8 }", "not BatchingParameters in text form"),
        ("max_batch_size { value: 0 }", "must be positive"),
        ("pad_variable_length_inputs: true", "not supported"),
        (None, "cannot be read"),
    ],
)
def test_batching_files_that_are_none(text: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "batching.conf"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ServerSettingsError, match=message):
        read_batching_file(file)
