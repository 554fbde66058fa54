"""`validate_infra`: a model may only be pushed if a server loads it and answers with it as it should."""

from collections.abc import Sequence

from pipeline_components.validate_infra.specs import RequestSpec, ServingSpec, ValidationSpec
from pipeline_lib import Examples, InfraBlessing, Model, component


@component(output="blessing")
def validate_infra(
    model: Model,
    examples: Sequence[Examples] = (),
    *,
    serving: ServingSpec = ServingSpec(),  # noqa: B008  frozen
    validation: ValidationSpec = ValidationSpec(),  # noqa: B008
    requests: RequestSpec = RequestSpec(),  # noqa: B008
) -> InfraBlessing:
    """Start a server with the model, send it real rows through every signature, and compare the answers.

    Checked are: the files, their size, loading and its time, names, types and shapes of what comes back,
    NaN and infinities, answers against those that the model gives without a server, and latency. A model
    that fails is not an error of this step: it is not blessed, with reasons, and `push` refuses it.

    What is to be pushed is put out as `stamped_model/`: the model with warm-up requests
    (`assets.extra/tf_serving_warmup_requests`) and golden requests with their answers, which `push` and
    `pipeline serving rollback` replay on every server. Without examples the model is only loaded.

    Args:
        model: The candidate.
        examples: Raw rows; of the newest artifact the first rows are taken.
        serving: The server.
        validation: Limits.
        requests: What to send.

    Returns:
        The verdict, with `reasons.json`.

    Raises:
        ServerSettingsError: The server cannot be started at all.
        TrialError: It was started `num_tries` times and never answered, or the examples have no such split.
    """
    from pipeline_components.validate_infra import _executor

    return _executor.run(model, list(examples), serving, validation, requests)
