"""`beam_pipeline()`: a Beam pipeline on the runner, and with the options, that the profile names."""

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from pipeline_lib.artifacts.workspace import active_workspace
from pipeline_lib.errors import BeamOptionError, BeamRunnerError

# Beam's own DirectRunner hands simple pipelines to Prism, and downloads it; ours stays in the process.
_IN_PROCESS = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"


@contextmanager
def beam_pipeline(settings: Mapping[str, Any] | None = None) -> Iterator[beam.Pipeline]:
    """A pipeline that runs, and is waited for, when the block ends without an error.

    Args:
        settings: `{"runner": ..., "options": {...}}`; by default those of the current workspace.

    Raises:
        BeamRunnerError: There is no such runner.
        BeamOptionError: Beam knows no such option, or refuses its value.
    """
    if settings is None:
        space = active_workspace()
        settings = space.beam if space is not None else {}
    runner = settings.get("runner") or "DirectRunner"
    options = pipeline_options(settings.get("options") or {})
    with beam.Pipeline(runner=_runner(runner), options=options) as root:
        yield root


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
        return create_runner(_IN_PROCESS)
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
