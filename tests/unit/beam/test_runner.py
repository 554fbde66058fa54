"""Runner and options of the profile, checked before anything runs."""

from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DirectOptions, SetupOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline_lib.artifacts.workspace import Workspace, use_workspace
from pipeline_lib.beam.runner import beam_pipeline, pipeline_options
from pipeline_lib.errors import BeamOptionError, BeamRunnerError


def test_options_take_plain_values() -> None:
    options = pipeline_options(
        {
            "direct_num_workers": 2,
            "save_main_session": True,
            "extra_packages": ["a", "b"],
            "temp_location": None,
        }
    )
    assert options.view_as(DirectOptions).direct_num_workers == 2
    setup = options.view_as(SetupOptions)
    assert (setup.save_main_session, setup.extra_packages) == (True, ["a", "b"])


@pytest.mark.parametrize(
    ("given", "what", "fix"),
    [
        ({"direct_num_worker": 2}, "no option direct_num_worker", "did you mean direct_num_workers?"),
        ({"direct_num_workers": "many"}, "refuses", "check its type"),
        ({"direct_running_mode": "sideways"}, "refuses", "check its type"),
        ({"extra_packages": {"a": 1}}, "cannot be a mapping", "a list"),
        ({"runner": "DirectRunner"}, "not an option", "set beam.runner"),
    ],
)
def test_options_that_beam_does_not_take(given: dict[str, Any], what: str, fix: str) -> None:
    with pytest.raises(BeamOptionError, match=what) as caught:
        pipeline_options(given)
    assert fix in caught.value.fix


def test_a_runner_that_is_none() -> None:
    with (
        pytest.raises(BeamRunnerError, match="no Beam runner DirektRunner") as caught,
        beam_pipeline({"runner": "DirektRunner"}),
    ):
        pass
    assert caught.value.fix == "did you mean DirectRunner?"


def test_the_workspace_says_which(tmp_path: Path) -> None:
    space = Workspace(staging=tmp_path, beam={"runner": "DirectRunner", "options": {"direct_num_workers": 1}})
    with use_workspace(space), beam_pipeline() as root:
        assert root.options.view_as(DirectOptions).direct_num_workers == 1
        assert isinstance(root.runner, FnApiRunner)  # never Prism, which Beam's own default would download
        root | beam.Create([1])


def test_an_error_in_the_block_runs_nothing() -> None:
    def build() -> None:
        with beam_pipeline() as root:
            root | beam.Create([1]) | beam.Map(lambda _: pytest.fail("ran"))
            raise ZeroDivisionError("while it is built")

    with pytest.raises(ZeroDivisionError, match="while it is built"):
        build()
