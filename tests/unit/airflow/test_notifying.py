"""Notifiers that a profile names."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline_lib.airflow import to_dag
from pipeline_lib.airflow.notifying import deployed_profile, notifiers_for
from pipeline_lib.errors import NotifierError, ProfileError
from pipeline_lib.settings import Profile
from unit.airflow.test_dags import plan

PIPELINES = Path(__file__).parents[2] / "integration/pipelines"
FILE = {"notifier": "nightly.notifiers.FileNotifier", "arguments": {"file": "f", "text": "t"}}


def profile(**notification: Any) -> Profile:
    return Profile.model_validate({"import_paths": [str(PIPELINES)], "notifications": [notification]})


def written(folder: Path, **content: Any) -> Path:
    (folder / "configs").mkdir()
    (folder / "configs/p.yaml").write_text(yaml.safe_dump(content))
    return folder


def test_a_notifier_is_made_for_its_moments_only() -> None:
    settings = profile(**FILE, on=["failure", "approval"])
    (made,) = notifiers_for(settings, "failure", project=None)
    assert (type(made).__name__, made.text) == ("FileNotifier", "t")
    assert len(notifiers_for(settings, "approval", project=None)) == 1
    assert notifiers_for(settings, "success", project=None) == []


@pytest.mark.parametrize(
    ("notification", "message"),
    [
        pytest.param({"notifier": "nowhere.Notifier"}, "cannot be imported", id="module"),
        pytest.param({"notifier": "nightly.notifiers.Nobody"}, "cannot be imported", id="class"),
        pytest.param({"notifier": "Notifier"}, "cannot be imported", id="no module"),
        pytest.param({"notifier": "pathlib.Path"}, "is no notifier", id="kind"),
        pytest.param({"notifier": FILE["notifier"]}, "refuses its arguments", id="arguments"),
    ],
)
def test_a_notifier_that_cannot_be_made(notification: dict[str, Any], message: str) -> None:
    with pytest.raises(NotifierError, match=message):
        notifiers_for(profile(**notification), "failure", project=None)


def test_a_dag_calls_its_own_callbacks_and_the_profiles(tmp_path: Path) -> None:
    project = written(tmp_path, import_paths=[str(PIPELINES)], notifications=[FILE])
    dag = to_dag(plan(), profile="p", project=project, on_failure_callback=print)
    assert [getattr(call, "__name__", type(call).__name__) for call in dag.on_failure_callback] == [
        "print",
        "FileNotifier",
    ]
    assert not dag.on_success_callback


def test_a_profile_that_is_not_here_tells_nobody_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    assert deployed_profile("p", tmp_path).notifications == ()
    with pytest.raises(ProfileError, match=r"notifications\.0\.on"):
        deployed_profile("p", written(tmp_path, notifications=[{**FILE, "on": ["sometimes"]}]))
