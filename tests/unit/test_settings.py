"""Profiles: files, environment, and what is wrong with them."""

from pathlib import Path

import pytest

from pipeline_lib.errors import ProfileError
from pipeline_lib.settings import Profile, load_profile


def _write(folder: Path, text: str, name: str = "here") -> Path:
    (folder / f"{name}.yaml").write_text(text)
    return folder


def test_values_come_from_the_file(tmp_path: Path) -> None:
    profile = load_profile("here", folder=_write(tmp_path, "parallelism: 3\nmetadata: {url: 'sqlite:///x'}"))
    assert (profile.name, profile.parallelism, profile.metadata.url) == ("here", 3, "sqlite:///x")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_METADATA__URL", "sqlite:///env")
    profile = load_profile("here", folder=_write(tmp_path, "metadata: {url: 'sqlite:///file'}"))
    assert profile.metadata.url == "sqlite:///env"


def test_the_name_can_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_PROFILE", "here")
    assert load_profile(folder=_write(tmp_path, "parallelism: 5")).parallelism == 5


def test_local_needs_no_file(tmp_path: Path) -> None:
    assert load_profile(folder=tmp_path) == Profile()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("paralelism: 2", "did you mean parallelism", id="unknown-key"),
        pytest.param("metadata: {uri: x}", "did you mean url", id="unknown-nested-key"),
        pytest.param("parallelism: many", "parallelism in profile here is wrong", id="wrong-type"),
        pytest.param("parallelism: 0", "greater than or equal to 1", id="out-of-range"),
        pytest.param("a: [b", "is not YAML", id="syntax"),
        pytest.param("- a", "is no mapping", id="no-mapping"),
    ],
)
def test_wrong_profiles_are_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        load_profile("here", folder=_write(tmp_path, text))


def test_a_missing_profile_names_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="profiles: here"):
        load_profile("there", folder=_write(tmp_path, ""))


def test_the_project_s_own_profiles_load() -> None:
    for file in Path("configs").glob("*.yaml"):
        assert load_profile(file.stem).name == file.stem
