"""Profiles: one environment's connections, roots and limits, from `configs/<name>.yaml` and the environment.

A value in the environment wins: `PIPELINE_METADATA__URL` overrides `metadata.url`. Secrets are references
(`env:NAME`, `file:/path`), resolved where they are used and nowhere stored.
"""

import difflib
import os
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from pipeline_lib.errors import ProfileError

DEFAULT_PROFILE = "local"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).resolve())


class MetadataSettings(_Section):
    """Where runs and artifacts are recorded.

    Attributes:
        url: sqlite:///path, postgresql://user@host/db or mysql://user@host/db.
        password: A secret's reference; never part of the url.
    """

    url: str = "sqlite:///.pipeline/metadata.sqlite"
    password: str | None = None


class ArtifactSettings(_Section):
    """Where artifacts' files are: a directory or an fsspec URL."""

    root: str = ".pipeline/artifacts"
    storage_options: dict[str, Any] = {}

    def resolved_root(self) -> str:
        """The root as any process of this machine can use it: absolute, or a URL."""
        return _absolute(self.root)


class BeamSettings(_Section):
    """Runner of the data-heavy steps, and its options as Beam names them."""

    runner: str = "DirectRunner"
    options: dict[str, Any] = {}


class ServingSettings(_Section):
    """Where models are pushed: a TensorFlow Serving base directory; models are its sub-directories."""

    base_path: str = ".pipeline/serving"

    def resolved_base_path(self) -> str:
        """The base directory as any process of this machine can use it: absolute, or a URL."""
        return _absolute(self.base_path)


class HostSettings(_Section):
    """The executor host: a warm process that forks one child per execution.

    Attributes:
        directory: Of its socket; by default `$XDG_RUNTIME_DIR`, or a private folder for temporary files.
        kill_grace_seconds: Between SIGTERM and SIGKILL. Airflow gives a killed task 5 s in all.
    """

    enabled: bool = True
    idle_timeout_seconds: float = Field(default=900.0, gt=0)
    directory: Path | None = None
    kill_grace_seconds: float = Field(default=3.0, ge=0)


class Profile(BaseSettings):
    """One environment.

    Attributes:
        state_dir: Logs, local copies, locks.
        import_paths: Directories that hold pipelines and their modules.
        parallelism: Nodes that run at once.
        environments: Interpreters by name, for components that ask for one.
    """

    model_config = SettingsConfigDict(
        env_prefix="PIPELINE_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    name: str = DEFAULT_PROFILE
    state_dir: Path = Path(".pipeline")
    import_paths: tuple[Path, ...] = (Path("dags"),)
    parallelism: int = Field(default=2, ge=1)
    metadata: MetadataSettings = MetadataSettings()
    artifacts: ArtifactSettings = ArtifactSettings()
    beam: BeamSettings = BeamSettings()
    serving: ServingSettings = ServingSettings()
    host: HostSettings = HostSettings()
    environments: dict[str, Path] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose content comes as keyword arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @classmethod
    def from_file(cls, file: Path) -> Self:
        """Read a profile.

        Raises:
            ProfileError: The file is missing, is no YAML mapping, or has an unknown key or a wrong type.
        """
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except FileNotFoundError as error:
            raise ProfileError(
                f"there is no profile {file.stem}",
                at=str(file),
                profiles=", ".join(sorted(found.stem for found in file.parent.glob("*.yaml"))) or "none",
                fix="name one that exists, or write the file",
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(
                f"profile {file.stem} cannot be read: {error}",
                at=str(file),
                fix="make it a readable text file",
            ) from error
        except yaml.YAMLError as error:
            raise ProfileError(
                f"profile {file.stem} is not YAML", at=f"{file}: {error}", fix="mend the syntax"
            ) from error
        if not isinstance(content, dict):
            raise ProfileError(
                f"profile {file.stem} is no mapping", at=str(file), fix="write `key: value` lines"
            )
        return cls.checked(file, {"name": file.stem, **content})

    @classmethod
    def checked(cls, file: Path, content: dict[str, Any]) -> Self:
        """A profile of these values and the environment's.

        Raises:
            ProfileError: An unknown key or a wrong type, in the file or in a `PIPELINE_` variable.
        """
        try:
            return cls(**content)
        except ValidationError as error:
            raise _explained(error, file) from error
        except SettingsError as error:
            raise ProfileError(
                f"a variable of the environment cannot be read: {error}",
                at=", ".join(sorted(name for name in os.environ if name.startswith("PIPELINE_"))),
                fix="write lists and mappings as JSON: PIPELINE_IMPORT_PATHS='[\"dags\"]'",
            ) from error


def load_profile(name: str | None = None, *, folder: Path = Path("configs")) -> Profile:
    """The profile of that name, else of `PIPELINE_PROFILE`, else `local`.

    Args:
        name: File name in `folder` without `.yaml`.
        folder: Directory of the profiles. Without a file `local` means the defaults.

    Raises:
        ProfileError: The file is missing or wrong.
    """
    chosen = name or os.environ.get("PIPELINE_PROFILE") or DEFAULT_PROFILE
    file = folder / f"{chosen}.yaml"
    if chosen == DEFAULT_PROFILE and not file.exists():
        return Profile.checked(file, {})
    return Profile.from_file(file)


def _explained(error: ValidationError, file: Path) -> ProfileError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        return ProfileError(
            f"profile {file.stem} has no key {key}",
            at=str(file),
            known=", ".join(known),
            fix=f"did you mean {near[0]}?" if near else "use one of the known keys",
        )
    return ProfileError(
        f"{key} in profile {file.stem} is wrong: {first['msg']}",
        at=str(file),
        got=repr(first["input"]),
        fix="give a value of the right type",
    )


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Profile
    for step in path:
        annotation = model.model_fields[str(step)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
