"""What `validate_infra` is told, in TFX's words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSpec:
    """The server to try the model in.

    Attributes:
        command: `local` for the local model server, or another server's command with `{base_path}`,
            `{name}`, `{grpc_port}` and `{rest_port}` in it; the profile's `serving.trial` by default.
        model_name: The model's name there.
    """

    command: str | None = None
    model_name: str = "infra-validation-model"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationSpec:
    """What the model must keep to.

    Attributes:
        max_loading_time_seconds: Until the server reports it AVAILABLE, the server's start included.
        num_tries: Servers to try, if one dies or does not answer; a fault of the model is not tried again.
        max_latency_seconds: Of the slowest request of one row, warmed up; None: any.
        max_size_megabytes: Of all its files; None: any.
        tolerance: Relative and absolute difference allowed between the server's answers and the model's own.
    """

    max_loading_time_seconds: float = 300.0
    num_tries: int = 3
    max_latency_seconds: float | None = None
    max_size_megabytes: float | None = None
    tolerance: float = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSpec:
    """The requests to send.

    Attributes:
        signature_names: Signatures to call; by default every one that the model has.
        split_name: Split of the examples to take rows from; by default the first.
        num_examples: Rows.
        make_warmup: Whether to write warm-up requests into the model: one for each signature.
    """

    signature_names: tuple[str, ...] = ()
    split_name: str | None = None
    num_examples: int = 8
    make_warmup: bool = True
