"""TensorFlow Serving's model configuration messages as our own classes."""

from collections.abc import Sequence
from typing import Any

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
    if "://" in model.base_path or not model.base_path.startswith("/"):
        raise invalid(
            f"Expected model {model.name} to have an absolute path; got base_path()={model.base_path}"
        )
    if model.model_platform not in {"", "tensorflow"}:
        raise invalid(f"Invalid model platform: {model.model_platform}")
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
