"""Runner and options of the profile, checked before anything runs."""

from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DirectOptions, GoogleCloudOptions, SetupOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline_lib.artifacts.workspace import Workspace, use_workspace
from pipeline_lib.beam.runner import beam_pipeline, job_error, new_pipeline, pipeline_options
from pipeline_lib.errors import BeamJobError, BeamOptionError, BeamRunnerError, ParquetReadError
from pipeline_lib.settings import load_profile


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


@pytest.mark.parametrize("name", sorted(file.stem for file in Path("configs").glob("*.yaml")))
def test_beam_takes_the_options_of_every_profile(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_google(monkeypatch)
    pipeline = new_pipeline(load_profile(name, folder=Path("configs")).beam.resolved({}))
    assert pipeline.runner is not None


def _without_google(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beam would ask Google's servers how a bucket keeps what is deleted, only to warn."""
    monkeypatch.setattr(GoogleCloudOptions, "_warn_if_soft_delete_policy_enabled", lambda *_: None)


def test_an_option_that_the_runner_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    _without_google(monkeypatch)
    given = {"region": "europe-north1", "temp_location": "gs://bucket/temp"}
    with pytest.raises(BeamOptionError, match="project"):
        new_pipeline({"runner": "DataflowRunner", "options": given})


def test_an_error_of_ours_comes_back_from_a_worker() -> None:
    raised = ParquetReadError(
        "cannot read as Parquet: x", at="s3://a/b.parquet", got="4 bytes", fix="write it again"
    )
    traceback = f"job-001 failed:\nTraceback (most recent call last):\n  File x\n{raised}\n"
    found = job_error(RuntimeError(traceback), "PrismRunner")
    assert str(found) == str(raised)


@pytest.mark.parametrize(
    ("text", "said"),
    [("first\nKeyError: 'x'\n", "KeyError: 'x'"), ("", "RuntimeError")],
    ids=["last-line", "none"],
)
def test_any_other_error_of_a_job_says_its_last_line(text: str, said: str) -> None:
    found = job_error(RuntimeError(text), "PrismRunner")
    assert isinstance(found, BeamJobError)
    assert found.summary == f"the job on PrismRunner failed: {said}"


def test_a_job_server_that_does_not_answer() -> None:
    options = {"job_endpoint": "localhost:1", "job_server_timeout": 1, "environment_type": "LOOPBACK"}
    with (
        pytest.raises(BeamJobError, match="PortableRunner failed"),
        beam_pipeline({"runner": "PortableRunner", "options": options}) as root,
    ):
        root | beam.Create([1])
