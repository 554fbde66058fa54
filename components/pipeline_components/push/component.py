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
    """Copy a model to `<destination>/<name>/<version>`, whole or not at all.

    The version is the time in unix seconds, but always above every version that is or ever was there. A
    server that polls the base path never sees a part of a version: it is copied under a hidden name,
    `saved_model.pb` last, and renamed. (Object stores cannot rename: there `saved_model.pb` is written last.)
    Pushing what the newest version already holds makes no new one. Never cached: the destination lies outside
    the pipeline's store.

    A blessing that says no is not an error: nothing is copied, and `pushed` is False, with the reason.

    Args:
        model: What to push, if both blessings allow it.
        blessing: The verdict of `evaluate`.
        infra_blessing: The verdict of a trial in a server; if it holds a model with warm-up requests, that
            one is pushed.
        name: The model's name in the server, one directory below the destination.
        destination: Base path of all models, local or a URL that fsspec knows; the profile's by default.
        wait_seconds: How long to wait for another push of the same model to end.

    Returns:
        A copy of what was pushed; `pushed`, `pushed_destination`, `pushed_version`, or `reason`.

    Raises:
        NoDestinationError: Neither the call nor the profile names a destination, or the name is not plain.
        NotServableError: The model has no complete SavedModel.
        PushFailedError: The destination refused a write; nothing of the new version is left there.
        PushBusyError: Another push did not end in time.
    """
    from pipeline_components.push import _executor

    pushed = PushedModel.new()
    refusal = _executor.refusal(blessing, infra_blessing)
    if refusal is not None:
        pushed.pushed, pushed.reason = False, refusal
        (pushed.path / "NOT_PUSHED").write_text(refusal + "\n")
        return pushed
    base = _executor.base_path(name, destination)
    source = _executor.servable(model, infra_blessing)
    version = _executor.publish(
        source, base, origin={"uri": model.uri, "id": model.id}, wait_seconds=wait_seconds
    )
    _executor.archive(source, pushed.path)
    pushed.pushed, pushed.pushed_version, pushed.pushed_destination = True, str(version), f"{base}/{version}"
    return pushed
