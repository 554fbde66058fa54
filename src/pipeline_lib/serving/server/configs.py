"""TensorFlow Serving's configuration messages and files as our own classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorflow_serving.config import model_server_config_pb2

from pipeline_lib.errors import ServerSettingsError
from pipeline_lib.serving.server.batching import BatchingOptions
from pipeline_lib.serving.server.protos import WRAPPED_PARAMETERS, batching_parameters, parse_file
from pipeline_lib.serving.server.refusals import Refusal, Status, invalid
from pipeline_lib.serving.versions import All, Latest, ModelConfig, Specific, VersionPolicy


def read_configs(message: Any) -> list[ModelConfig]:
    """The models of a `ModelServerConfig`.

    Raises:
        Refusal: UNIMPLEMENTED for a custom configuration, INVALID_ARGUMENT for one that makes no sense.
    """
    if message.WhichOneof("config") == "custom_model_config":
        raise Refusal(Status.UNIMPLEMENTED, "custom_model_config is not supported.")
    configs = [_config(model) for model in message.model_config_list.config]
    names = [config.name for config in configs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise invalid(f"Illegal to list model {twice[0]} multiple times in config list")
    return configs


def read_config_file(file: Path) -> list[ModelConfig]:
    """The models of a file with a `ModelServerConfig` in text form, as `--model_config_file` takes it.

    Raises:
        ServerSettingsError: It cannot be read, is not one, or makes no sense.
    """
    message = model_server_config_pb2.ModelServerConfig()
    parse_file(file, message, "a ModelServerConfig")
    try:
        configs = read_configs(message)
    except Refusal as refusal:
        raise ServerSettingsError(
            f"the configuration makes no sense: {refusal.message}", at=str(file), fix="correct it there"
        ) from refusal
    # An empty file is one that is being written; to take it at its word would unload everything.
    if not configs:
        raise ServerSettingsError(
            "the configuration names no model", at=str(file), fix="name one in model_config_list"
        )
    return configs


def read_batching_file(file: Path) -> BatchingOptions:
    """Batching parameters in text form, as `--batching_parameters_file` takes them.

    Raises:
        ServerSettingsError: It cannot be read, is not one, or makes no sense.
    """
    message = batching_parameters()
    parse_file(file, message, "BatchingParameters")
    given: dict[str, Any] = {
        name: getattr(message, name).value for name in WRAPPED_PARAMETERS if message.HasField(name)
    }
    if message.allowed_batch_sizes:
        given["allowed_batch_sizes"] = tuple(message.allowed_batch_sizes)
    if message.pad_variable_length_inputs:
        raise ServerSettingsError(
            "pad_variable_length_inputs is not supported",
            at=str(file),
            fix="remove it: inputs of other lengths get batches of their own here",
        )
    try:
        return BatchingOptions(**given)
    except ValueError as error:
        raise ServerSettingsError(str(error), at=str(file), fix="correct it there") from error


def write_configs(configs: Sequence[ModelConfig], message: Any) -> None:
    """Fill a `ModelServerConfig` with models."""
    for config in configs:
        model = message.model_config_list.config.add(
            name=config.name, base_path=config.base_path, model_platform="tensorflow"
        )
        match config.policy:
            case Latest(count):
                model.model_version_policy.latest.num_versions = count
            case Specific(versions):
                model.model_version_policy.specific.versions.extend(versions)
            case All():
                model.model_version_policy.all.SetInParent()
        model.version_labels.update(config.labels)


def _config(model: Any) -> ModelConfig:
    if not model.name or not model.base_path:
        raise invalid(f"Expected model {model.name!r} to have a name and an absolute base_path")
    if "://" not in model.base_path and not model.base_path.startswith("/"):
        raise invalid(
            f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
        )
    if not model.model_platform:
        raise invalid(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            "ModelServerConfig::model_platform."
        )
    if model.model_platform != "tensorflow":
        raise invalid(f"Model {model.name} requests unsupported platform {model.model_platform}")
    return ModelConfig(
        name=model.name,
        base_path=model.base_path,
        policy=_policy(model.model_version_policy),
        labels=dict(model.version_labels),
    )


def _policy(policy: Any) -> VersionPolicy:
    match policy.WhichOneof("policy_choice"):
        case "all":
            return All()
        case "specific":
            if not policy.specific.versions:
                raise invalid("specific.versions must not be empty")
            return Specific(tuple(policy.specific.versions))
    return Latest(policy.latest.num_versions or 1)
