"""Errors of Beam, profiles and the command line: two ranges, and none repeats a secret."""

from pathlib import Path

import pytest

from pipeline_lib.errors import PipelineError, ProfileError, SecretError, surroundings
from pipeline_lib.secrets import reveal_secret
from pipeline_lib.settings import Profile

BEAM = {
    "BeamJobError",
    "WorkersElsewhereError",
    "BeamRunnerError",
    "BeamOptionError",
    "NoParquetFilesError",
    "ParquetReadError",
    "UnsupportedColumnError",
}


def test_beam_and_the_surroundings_have_ranges_of_their_own() -> None:
    classes = [
        cls for cls in vars(surroundings).values() if isinstance(cls, type) and cls is not PipelineError
    ]
    assert {cls.__name__ for cls in classes if cls.code.startswith("PL5")} == BEAM
    assert {cls.code[:3] for cls in classes} == {"PL5", "PL6"}


def test_a_secret_given_in_clear_is_not_repeated() -> None:
    with pytest.raises(SecretError, match="must be given by reference") as caught:
        reveal_secret("hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_profile_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "local.yaml").write_text("parallelism: many")
    with pytest.raises(ProfileError, match="local") as caught:
        Profile.from_file(tmp_path / "local.yaml")
    assert str(tmp_path / "local.yaml") in str(caught.value)
