"""`beam_pipeline()`: a Beam pipeline on the runner, and with the options, that the profile names."""

import difflib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from pipeline_lib.artifacts.workspace import active_workspace
from pipeline_lib.errors import BeamJobError, BeamOptionError, BeamRunnerError, PipelineError

# The text of a `PipelineError`, in a traceback that a worker sent.
_OURS = re.compile(r"\[(P[LC]\d{3})\] (.*)((?:\n {2}\w+: .*)*)")
_ROW = re.compile(r"\n {2}(\w+): (.*)")
_SHOWN = 400


@contextmanager
def beam_pipeline(settings: Mapping[str, Any] | None = None) -> Iterator[beam.Pipeline]:
    """A pipeline that runs, and is waited for, when the block ends without an error.

    Args:
        settings: `{"runner": ..., "options": {...}}`; by default those of the current workspace.

    Raises:
        BeamRunnerError: There is no such runner.
        BeamOptionError: Beam knows no such option, refuses its value, or lacks one that the runner needs.
        BeamJobError: The job failed in a worker of another process, or no runner or worker answers.
    """
    if settings is None:
        space = active_workspace()
        settings = space.beam if space is not None else {}
    root = new_pipeline(settings)
    is_built = False
    try:
        with root:
            yield root
            is_built = True
    except (RuntimeError, grpc.RpcError, grpc.FutureTimeoutError) as error:
        if not is_built or isinstance(root.runner, FnApiRunner):  # in this process: the error itself
            raise
        raise job_error(error, str(settings.get("runner"))) from error


def new_pipeline(settings: Mapping[str, Any]) -> beam.Pipeline:
    """An empty pipeline, checked as far as that is possible without running it; see `beam_pipeline`."""
    runner = _runner(settings.get("runner") or "DirectRunner")
    options = pipeline_options(settings.get("options") or {})
    try:
        return beam.Pipeline(runner=runner, options=options)
    except ValueError as error:
        raise BeamOptionError(
            f"Beam refuses the options: {str(error).partition(': ')[2].strip()}",
            at="beam.options",
            fix="give what the runner needs",
        ) from error


def job_error(error: BaseException, runner: str) -> PipelineError:
    """What became of a job elsewhere: one of our errors, raised in a worker, comes back as its text.

    Args:
        error: As the runner's client raised it.
        runner: Its name.
    """
    text = str(error)
    told = _OURS.findall(text)
    if told:
        code, summary, rows = told[-1]
        facts = {name: value.strip() for name, value in _ROW.findall(rows)}
        record = {"code": code, "summary": summary, "fix": facts.pop("fix", ""), "at": facts.pop("at", None)}
        return PipelineError.from_json({**record, "facts": facts})
    said = [line for line in text.strip().splitlines() if line.strip()] or [type(error).__name__]
    return BeamJobError(
        f"the job on {runner} failed: {said[-1].strip()[:_SHOWN]}",
        at="beam.runner",
        fix="see the log of the execution, of the runner and of its workers",
    )


def pipeline_options(given: Mapping[str, Any]) -> PipelineOptions:
    """Beam's options from plain values by Beam's names (`direct_num_workers: 2`).

    A flag is given as True (or left out), an option that may be given several times as a list.

    Raises:
        BeamOptionError: Beam knows no such option, or refuses its value.
    """
    known = PipelineOptions(flags=[]).get_all_options()
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise BeamOptionError(
                f"Beam has no option {name}",
                at="beam.options",
                fix=f"did you mean {near[0]}?" if near else "see Beam's list of pipeline options",
            )
    if "runner" in given:
        raise BeamOptionError("the runner is not an option", at="beam.options.runner", fix="set beam.runner")
    flags = [flag for name, value in given.items() for flag in _flags(name, value)]
    try:
        options = PipelineOptions(flags=flags)
        options.get_all_options()
    except SystemExit as error:  # argparse's way to refuse
        raise BeamOptionError(
            "Beam refuses an option's value", got=" ".join(flags), at="beam.options", fix="check its type"
        ) from error
    return options


def _flags(name: str, value: Any) -> list[str]:
    if value is None or value is False:
        return []
    if value is True:
        return [f"--{name}"]
    if isinstance(value, list | tuple):
        return [f"--{name}={item}" for item in value]
    if isinstance(value, dict):
        raise BeamOptionError(
            f"option {name} cannot be a mapping",
            at=f"beam.options.{name}",
            fix="give text, a number or a list",
        )
    return [f"--{name}={value}"]


def _runner(name: str) -> Any:
    from apache_beam.runners.runner import create_runner

    if name in {"DirectRunner", "Direct", "direct"}:
        # Beam's own DirectRunner hands simple pipelines to Prism, which it downloads; ours stays here.
        return FnApiRunner()
    try:
        return create_runner(name)
    except (ImportError, AttributeError, ValueError, RuntimeError) as error:
        known = StandardOptions.KNOWN_RUNNER_NAMES
        near = difflib.get_close_matches(name, known, n=1)
        raise BeamRunnerError(
            f"there is no Beam runner {name}",
            got=error,
            at="beam.runner",
            fix=f"did you mean {near[0]}?" if near else f"use one of: {', '.join(known)}",
        ) from error
