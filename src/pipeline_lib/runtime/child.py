"""Executes one component in this process: a request file in, a response file out.

`python -m pipeline_lib.runtime.child REQUEST.json RESPONSE.json` does it in a fresh interpreter, this one or
another environment's; the executor host calls `run` in a fork. Whatever happens in the body ends up in the
response; only the death of the process leaves none.
"""

import argparse
import contextlib
import hashlib
import importlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.artifacts.store import is_remote, local_path, open_artifact_store
from pipeline_lib.artifacts.workspace import Workspace, use_workspace
from pipeline_lib.errors import CodeChangedError, ComponentImportError, OutputMismatchError
from pipeline_lib.plan.models import CodeRef
from pipeline_lib.runtime.bytecode import forget_doubtful
from pipeline_lib.runtime.failures import Canceled, failure_of, user_place
from pipeline_lib.runtime.messages import OutputArtifact, Request, Response, Usage
from pipeline_lib.runtime.processes import peak_memory_bytes
from pipeline_lib.runtime.progress import Progress, ProgressWriter

Outputs = dict[str, tuple[OutputArtifact, ...]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of a fresh interpreter; 0 if there is a response, of whichever kind."""
    parser = argparse.ArgumentParser(prog="python -m pipeline_lib.runtime.child", description=__doc__)
    parser.add_argument("request", type=Path)
    parser.add_argument("response", type=Path)
    parser.add_argument("--progress", type=Path, help="file to append progress to, as JSON lines")
    given = parser.parse_args(arguments)
    raise_on_terminate()
    run(given.request, given.response, given.progress)
    return 0


def raise_on_terminate() -> None:
    """From now on SIGTERM raises `Canceled` in the main thread, so that `finally` blocks run."""

    def terminate(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise Canceled

    signal.signal(signal.SIGTERM, terminate)


def run(request_path: Path, response_path: Path, progress_path: Path | None) -> None:
    """Execute the request and write the response, in one step that leaves none or the whole."""
    request = Request.model_validate_json(request_path.read_bytes())
    with _reporting(progress_path) as report:
        response = respond(request, report)
    if response.failure is not None:
        print(response.failure.traceback, file=sys.stderr, flush=True)
    partial = response_path.with_name(f"{response_path.name}.{os.getpid()}")
    partial.write_text(response.model_dump_json(), encoding="utf-8")
    partial.replace(response_path)


def respond(request: Request, report: Callable[[Progress], None]) -> Response:
    """Execute the request here; failures of every kind are in the response.

    Args:
        request: What to execute.
        report: Receives what the body reports.
    """
    started = time.perf_counter()
    cpu_before = _cpu_seconds()
    outputs: Outputs = {}
    facts: dict[str, Any] = {}
    failure = None
    try:
        outputs = _execute(request, report, facts.update)
    except BaseException as error:  # noqa: BLE001  the body is the user's: sys.exit and SIGTERM included
        failure = failure_of(error, request.code, staging=request.staging)
    usage = Usage(
        wall_seconds=time.perf_counter() - started,
        cpu_seconds=_cpu_seconds() - cpu_before,
        peak_memory_bytes=_peak_memory_bytes(),
    )
    return Response(outputs=outputs, facts=facts, failure=failure, usage=usage)


def _execute(
    request: Request, report: Callable[[Progress], None], record: Callable[[Mapping[str, Any]], None]
) -> Outputs:
    os.environ.update(request.environment_variables)
    for path in reversed(request.import_paths):
        if path not in sys.path:
            sys.path.insert(0, path)
    require_unchanged(request.sources)
    forget_doubtful(request.sources)
    component = load(request.code)
    require_unchanged(request.sources)
    space = Workspace(
        staging=Path(request.staging),
        kept=Path(request.kept) if request.kept else None,
        localise=_localiser(request),
        verify_code=lambda: require_unchanged(request.sources),
        storage_options=request.storage_options,
        beam=request.beam,
        report=report,
        record=record,
        context=request.context,
    )
    with use_workspace(space):
        returned = component.execute(request.inputs, request.parameters)
        return {port: tuple(_described(port, one) for one in many) for port, many in returned.items()}


def require_unchanged(sources: Mapping[str, str]) -> None:
    """Compare source files with what the launcher read of them.

    Args:
        sources: Sha256 by path.

    Raises:
        CodeChangedError: One is another by now: its result must not be kept under the old cache key.
    """
    for path, expected in sources.items():
        try:
            found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        except OSError:
            found = "gone"
        if found != expected:
            raise CodeChangedError(
                "the file was edited while its node was being started",
                at=path,
                fix="run again: the new source has a cache key of its own",
            )


def load(code: CodeRef) -> Any:
    """Import what a request names.

    Raises:
        ComponentImportError: The module raises when imported, or has no such name.
    """
    try:
        found: Any = importlib.import_module(code.module)
        for name in code.qualname.split("."):
            found = getattr(found, name)
    except Exception as error:  # importing runs the user's module
        traceback.print_exc()
        raise ComponentImportError(
            f"{code} cannot be imported: {type(error).__name__}: {error}",
            at=user_place(error),
            python=sys.executable,
            fix="mend the module, install what it imports, or add its folder to the profile's import_paths",
        ) from error
    return found


def _described(port: str, artifact: Any) -> OutputArtifact:
    if not isinstance(artifact, Artifact):
        raise OutputMismatchError(
            f"{port} is {type(artifact).__name__}, not an artifact", fix="return what `Artifact.new` gave"
        )
    specs = artifact.property_specs()
    values = {  # a list or dict may have changed since it was set
        name: _plain(specs[name].check(value, owner=artifact.type_name))
        for name, value in artifact.property_values().items()
    }
    return OutputArtifact(type_name=artifact.type_name, path=str(artifact.path), properties=values)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _localiser(request: Request) -> Callable[[str, str], Path]:
    def localise(uri: str, digest: str) -> Path:
        if not is_remote(uri):
            return local_path(uri)
        store = open_artifact_store(
            request.artifact_root or uri, request.storage_options, cache_dir=Path(request.artifact_cache)
        )
        return store.localise(uri, digest)

    return localise


@contextlib.contextmanager
def _reporting(path: Path | None) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    if path is None:
        yield _ignore
        return
    writer = ProgressWriter(path)
    try:
        yield writer.report
    finally:
        writer.close()


def _ignore(progress: Progress) -> None:
    """Where nobody asked for progress."""
    del progress


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_memory_bytes() -> int:
    """Of the largest among this process and its children; shared pages would count twice in a sum."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return max(peak_memory_bytes(), children)


if __name__ == "__main__":
    sys.exit(main())
