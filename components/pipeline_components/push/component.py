"""`push`: a blessed model becomes the next version under TensorFlow Serving's base path."""

from pipeline_lib import InfraBlessing, Model, ModelBlessing, PushedModel, component


@component(output="pushed_model", cache=False)
def push(
    model: Model,
    blessing: ModelBlessing | None = None,
    infra_blessing: InfraBlessing | None = None,
    *,
    name: str,
    destination: str | None = None,
    wait_seconds: float = 600.0,
) -> PushedModel:
    """Make a model the live version of `<destination>/<name>`, confirmed by its servers, or change nothing.

    The version is the time in unix seconds, but always above every version that is or ever was there. It is
    copied under a hidden name, `saved_model.pb` last, and renamed (object stores cannot rename: there
    `saved_model.pb` is written last). If the profile names replicas, the push then waits until all of them
    report it AVAILABLE, replays the golden requests that `validate_infra` wrote, compares the answers with
    the evaluated model's, and moves the label `stable`. Whatever fails, a kill included, is taken back: the
    version before stays live. Pushing what is live already makes no new version. Never cached: the
    destination lies outside the pipeline's store.

    A blessing that says no is not an error: nothing is copied, and `pushed` is False, with the reason. So is
    a model that was rolled back and not cleared since.

    Args:
        model: What to push, if both blessings allow it.
        blessing: The verdict of `evaluate`.
        infra_blessing: The verdict of a trial in a server; if it holds a model with warm-up requests, that
            one is pushed.
        name: The model's name in the server, one directory below the destination.
        destination: Base path of all models, local or a URL that fsspec knows; the profile's by default.
            Another than the profile's is taken to have no servers.
        wait_seconds: How long to wait for another push of the same model to end.

    Returns:
        A copy of what was pushed; `pushed`, `pushed_destination`, `pushed_version`, `live_at`, or `reason`.

    Raises:
        NoDestinationError: Neither the call nor the profile names a destination, or the name is not plain.
        NotServableError: The model has no complete SavedModel.
        PushFailedError: The destination refused a write; nothing of the new version is left there.
        PushBusyError: Another push did not end in time.
        PushUndoneError: A server did not take it in time; it was taken back.
        GoldenAnswersError: A server answers otherwise than the evaluated model; it was taken back.
        PushPreemptedError: It made way for a rollback.
        DeploymentBrokenError: It failed and could not be taken back.
    """
    from pipeline_components.push import _executor

    pushed = PushedModel.new()
    refusal = _executor.refusal(blessing, infra_blessing)
    if refusal is not None:
        _executor.fill(pushed, refusal, model.path)
        return pushed
    known = _executor.settings(name, destination)
    source = _executor.servable(model, infra_blessing)
    origin = {"uri": model.uri, "id": model.id}
    done = _executor.publish(source, name, known, origin=origin, wait_seconds=wait_seconds)
    _executor.fill(pushed, done, source)
    return pushed
