"""The body of `validate_infra`: files, a server, requests, a verdict."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline_components.errors import TrialError
from pipeline_components.validate_infra._requests import Request, Unfit, request_for, rows_of, signatures_of
from pipeline_components.validate_infra._stamp import (
    answers_of,
    golden_of,
    write_golden,
    write_warm_up,
)
from pipeline_components.validate_infra.specs import RequestSpec, ServingSpec, ValidationSpec
from pipeline_lib import Examples, InfraBlessing, Model
from pipeline_lib.artifacts.workspace import active_workspace
from pipeline_lib.errors import (
    ModelNotServedError,
    ServerUnreachableError,
    ServingFailedError,
    ServingRefusedError,
)
from pipeline_lib.serving.clients.rpc import GrpcClient
from pipeline_lib.serving.fleet import golden
from pipeline_lib.serving.processes.trial import LOCAL, TrialServer, trial_server
from pipeline_lib.serving.versions import VersionState

_LOOK_EVERY_SECONDS = 0.05


def run(
    model: Model,
    examples: Sequence[Examples],
    serving: ServingSpec,
    validation: ValidationSpec,
    asked: RequestSpec,
) -> InfraBlessing:
    """Try a model, and say what came of it."""
    blessing = InfraBlessing.new()
    stamped = blessing.path / "stamped_model"
    reasons: list[str] = []
    try:
        _try(model.path / "Format-Serving", stamped, examples, serving, validation, asked, blessing, reasons)
    except Unfit as unfit:
        reasons.append(str(unfit))
    reasons = list(dict.fromkeys(reasons))
    if reasons:
        shutil.rmtree(stamped, ignore_errors=True)
    blessing.blessed, blessing.has_model = not reasons, not reasons
    blessing.reasons = reasons
    (blessing.path / ("INFRA_NOT_BLESSED" if reasons else "INFRA_BLESSED")).touch()
    (blessing.path / "reasons.json").write_text(json.dumps({"reasons": reasons}, indent=2) + "\n")
    return blessing


def _try(
    source: Path,
    stamped: Path,
    examples: Sequence[Examples],
    serving: ServingSpec,
    validation: ValidationSpec,
    asked: RequestSpec,
    blessing: InfraBlessing,
    reasons: list[str],
) -> None:
    signatures = signatures_of(source)
    chosen = asked.signature_names or tuple(sorted(signatures))
    if absent := [name for name in chosen if name not in signatures]:
        raise Unfit(
            f"it has no signature {', '.join(absent)}; it has {', '.join(sorted(signatures)) or 'none'}"
        )
    if not chosen:
        raise Unfit("it has no signature")
    rows = rows_of(examples, asked.split_name, asked.num_examples)
    requests = [request_for(name, signatures[name], rows) for name in chosen] if rows else []
    shutil.copytree(source, stamped)
    if asked.make_warmup and requests:
        write_warm_up(stamped, requests, serving.model_name)
    reasons += _size(stamped, validation)
    with _placed(stamped, serving.model_name) as base_path, tempfile.TemporaryDirectory() as logs:
        command = serving.command or _of_profile()
        for number in range(validation.num_tries):
            try:
                with trial_server(command, base_path, serving.model_name, Path(logs) / "log") as server:
                    # Meanwhile the server starts: it imports TensorFlow, here it is imported.
                    answers = answers_of(source, requests) if requests else []
                    golden_requests = [golden_of(*pair) for pair in zip(requests, answers, strict=True)]
                    reasons += _finite(requests, answers)
                    _ask(
                        server, serving, validation, requests, golden_requests, signatures, blessing, reasons
                    )
                break
            except ServerUnreachableError as error:
                if number + 1 == validation.num_tries:
                    raise TrialError(
                        f"the trial server does not answer: {error.summary}",
                        tries=validation.num_tries,
                        said=server.last_words() or None,
                        fix="see whether serving.trial of the profile starts by hand",
                    ) from error
    if requests and not reasons:
        write_golden(stamped, golden_requests)


def _ask(
    server: TrialServer,
    serving: ServingSpec,
    validation: ValidationSpec,
    requests: Sequence[Request],
    golden_requests: Sequence[golden.GoldenRequest],
    signatures: dict[str, Any],
    blessing: InfraBlessing,
    reasons: list[str],
) -> None:
    with GrpcClient(server.grpc, tries=1) as client:
        blessing.load_seconds = _wait(client, server, serving.model_name, validation)
        latencies = []
        try:
            for request, expected in zip(requests, golden_requests, strict=True):
                given = client.predict(serving.model_name, request.inputs, signature=request.signature)
                reasons += _shapes(request, given, signatures[request.signature])
                plain = {name: golden.plain(array.tolist()) for name, array in given.items()}
                wrong = golden.differences(expected.outputs, plain, tolerance=validation.tolerance)
                reasons += [f"signature {request.signature!r} in the server: {text}" for text in wrong]
                for index in range(request.rows):
                    began = time.perf_counter()
                    one = request.of_row(index)
                    client.predict(serving.model_name, one.inputs, signature=one.signature)
                    latencies.append(time.perf_counter() - began)
        except (ServingRefusedError, ServingFailedError, ModelNotServedError) as error:
            raise Unfit(f"signature {request.signature!r} in the server: {error.summary}") from error
    blessing.latency_seconds = max(latencies, default=None)
    limit = validation.max_latency_seconds
    if limit is not None and latencies and max(latencies) > limit:
        reasons.append(f"the slowest request took {max(latencies):.3f} s, allowed are {limit:g} s")


def _wait(client: GrpcClient, server: TrialServer, name: str, validation: ValidationSpec) -> float:
    """Seconds until the server had it AVAILABLE."""
    began = time.monotonic()
    told = "the server did not answer"
    while (waited := time.monotonic() - began) < validation.max_loading_time_seconds:
        if server.has_ended():
            raise ServerUnreachableError("it ended by itself", at=server.grpc, fix="look at its log")
        try:
            found = client.status(name)
        except ModelNotServedError:
            told = "the server did not know it"
        except ServerUnreachableError:
            pass
        else:
            told = found[0].state.name if found else told
            if any(one.state is VersionState.AVAILABLE for one in found):
                return waited
            ended = [one for one in found if one.state is VersionState.END]
            if ended:
                raise Unfit(f"the server cannot load it: {ended[0].error_message}")
        time.sleep(_LOOK_EVERY_SECONDS)
    raise Unfit(f"it was not AVAILABLE after {validation.max_loading_time_seconds:g} s: {told}")


def _shapes(request: Request, given: dict[str, Any], signature: Any) -> list[str]:
    wrong = []
    for name, info in signature.outputs.items():
        if name not in given:
            continue
        declared = tf.TensorShape(info.tensor_shape)
        if not declared.is_compatible_with(given[name].shape):
            wrong.append(
                f"output {name!r} of {request.signature!r} has shape {given[name].shape}, not {declared}"
            )
        if given[name].ndim and declared.rank and declared[0] is None and len(given[name]) != request.rows:
            wrong.append(
                f"output {name!r} of {request.signature!r} has {len(given[name])} rows for {request.rows}"
            )
    return wrong


def _finite(requests: Sequence[Request], answers: Sequence[Any]) -> list[str]:
    return [
        f"output {name!r} of {request.signature!r} is NaN or infinite"
        for request, answer in zip(requests, answers, strict=True)
        for name, array in answer.items()
        if array.dtype.kind == "f" and not np.isfinite(array).all()
    ]


def _size(directory: Path, validation: ValidationSpec) -> list[str]:
    limit = validation.max_size_megabytes
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file()) / 1e6
    if limit is None or size <= limit:
        return []
    return [f"it has {size:.1f} MB, allowed are {limit:g} MB"]


@contextmanager
def _placed(stamped: Path, name: str) -> Iterator[Path]:
    """The model as version 1 of a base path; its files are shared, not copied."""
    with tempfile.TemporaryDirectory(dir=stamped.parent) as root:
        base = Path(root) / name
        shutil.copytree(stamped, base / "1", copy_function=os.link)
        yield base


def _of_profile() -> str:
    space = active_workspace()
    known: dict[str, Any] = dict(space.context.get("serving") or {}) if space is not None else {}
    return str(known.get("trial") or LOCAL)
