import subprocess
from importlib.metadata import version

import pytest

from pipeline_lib.runtime.environment import (
    GitState,
    child_environment,
    environment_digest,
    git_diff,
    git_state,
    installed_distributions,
    surroundings,
)


def git(directory, *arguments):
    who = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(directory), *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    return tmp_path


def test_versions_are_those_of_the_metadata():
    found = installed_distributions()
    for name in ("pydantic", "pytest", "typing-extensions", "ml-metadata"):
        assert found[name] == version(name)


def test_an_earlier_directory_shadows_a_later(tmp_path):
    for folder, release in (("first", "2.0"), ("second", "1.0")):
        (tmp_path / folder / f"Some_Thing-{release}.dist-info").mkdir(parents=True)
    (tmp_path / "second" / "old-0.1-py3.11.egg-info").mkdir()
    paths = [str(tmp_path / "first"), str(tmp_path / "missing"), str(tmp_path / "second")]
    assert installed_distributions(paths) == {"some-thing": "2.0", "old": "0.1"}


def test_the_digest_is_stable():
    first = environment_digest()
    assert first == environment_digest()
    assert len(first) == 64


def test_a_new_distribution_changes_the_digest(tmp_path, monkeypatch):
    before = environment_digest()
    (tmp_path / "brand_new-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert environment_digest() != before


def test_a_clean_checkout(repository):
    assert git_state(repository) == GitState(commit=git(repository, "rev-parse", "HEAD"), dirty=False)


def test_an_edited_file_is_dirty_an_untracked_one_is_not(repository):
    (repository / "notes.txt").write_text("x")
    assert not git_state(repository).dirty
    (repository / "a.py").write_text("2")
    assert git_state(repository).dirty


def test_the_diff_is_of_code_wherever_it_is_asked_for(repository):
    assert git_diff(repository) == ""
    (repository / "deep").mkdir()
    (repository / "secret.yaml").write_text("password: x")
    git(repository, "add", "secret.yaml")
    git(repository, "commit", "--quiet", "-m", "two")
    (repository / "a.py").write_text("2 \udcff", errors="surrogateescape")
    (repository / "secret.yaml").write_text("password: y")
    found = git_diff(repository / "deep")
    assert "+2 " in found
    assert "password" not in found


def test_no_commit_no_repository_no_git(tmp_path, monkeypatch):
    assert git_state(tmp_path) == GitState()
    assert git_diff(tmp_path) == ""
    git(tmp_path, "init", "--quiet")
    assert git_diff(tmp_path) == ""
    assert git_state(tmp_path).commit == ""
    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path) == GitState()


def test_surroundings_are_plain(repository):
    found = surroundings(repository)
    machine = {"host", "pid_namespace", "pid"}
    assert set(found) == {"git_commit", "git_dirty", "environment_digest", "user", *machine}


def test_what_the_user_set_is_kept():
    assert child_environment({"TF_CPP_MIN_LOG_LEVEL": "0"})["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert child_environment({})["TF_CPP_MIN_LOG_LEVEL"] == "2"


def test_airflows_settings_stay_with_airflow():
    given = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "x", "AIRFLOW_HOME": "/h", "AIRFLOW_CTX_DAG_ID": "d"}
    assert set(given) & set(child_environment(given)) == {"AIRFLOW_CTX_DAG_ID"}
