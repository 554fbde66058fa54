"""Profiles: one environment's connections, roots and limits, from `configs/<name>.yaml` and the environment.

A value in the environment wins: `PIPELINE_METADATA__URL` overrides `metadata.url`. Secrets are references
(`env:NAME`, `file:/path`), resolved where they are used and nowhere stored.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
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
    """Runner of the data-heavy steps.

    Attributes:
        runner: As Beam names it.
        options: As Beam names them.
        shared: A directory or an fsspec URL that workers on other machines and this one see; without, workers
            write to this machine's disk.
    """

    runner: str = "DirectRunner"
    options: dict[str, Any] = {}
    shared: str | None = None

    def resolved(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What a body is given, with a node's options over these."""
        shared = _absolute(self.shared) if self.shared else None
        return {"runner": self.runner, "options": {**self.options, **options}, "shared": shared}


class ReplicaSettings(_Section):
    """One server of models: at least one of its two addresses.

    Attributes:
        grpc: `host:port`. Needed to tell the server what to serve.
        rest: `http://host:port`.
    """

    grpc: str | None = None
    rest: str | None = None

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if not self.grpc and not self.rest:
            raise ValueError("a replica needs grpc: host:port or rest: http://host:port")
        return self


class TlsSettings(_Section):
    """Files in PEM form: whom to trust, and who we are.

    Attributes:
        ca: Certificates to trust; the system's without.
        certificate: Ours, where servers ask for one.
        key: Its private key.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class ProxySettings(_Section):
    """nginx in front of the replicas, which splits traffic between versions.

    Attributes:
        directory: Of its configuration, which we write.
        listen: `host:port` for REST.
        command: nginx, or a path to it.
        pid_file: Of a running nginx that includes our configuration; ours without.
        canary: REST addresses (`host:port`) of servers of the canary's own; without, the replicas serve both
            versions and labels tell them apart.
        sticky_header: Requests with the same value of it go to the same version.
    """

    directory: Path = Path(".pipeline/proxy")
    listen: str = "127.0.0.1:8601"
    command: str = "nginx"
    pid_file: Path | None = None
    canary: tuple[str, ...] = ()
    sticky_header: str | None = None


class ServingSettings(_Section):
    """Where models are pushed, and the servers that serve them.

    Attributes:
        base_path: A TensorFlow Serving base directory; models are its sub-directories.
        server_base_path: The same directory as the servers name it, if they mount it elsewhere.
        replicas: The servers that must confirm a push. Without, a push ends with the rename.
        control: `reload`: we tell the servers which versions to serve, and move the label `stable`
            (HandleReloadConfigRequest); `follow`: they serve the newest version that they see.
        tls: Speak TLS to the replicas.
        load_timeout_seconds: For a version to be AVAILABLE on all replicas.
        request_timeout_seconds: Of one call.
        keep_versions: Versions that have been live and are kept to go back to, the live one included.
        golden_tolerance: Relative and absolute difference allowed to a golden answer.
        trial: What `validate_infra` tries a model in: `local` (the local model server), or the command of
            another server with `{base_path}`, `{name}`, `{grpc_port}` and `{rest_port}` in it.
        proxy: What splits traffic for `pipeline serving canary`.
    """

    base_path: str = ".pipeline/serving"
    server_base_path: str | None = None
    replicas: tuple[ReplicaSettings, ...] = ()
    control: Literal["reload", "follow"] = "reload"
    tls: TlsSettings | None = None
    load_timeout_seconds: float = Field(default=300.0, gt=0)
    request_timeout_seconds: float = Field(default=10.0, gt=0)
    keep_versions: int = Field(default=5, ge=2)
    golden_tolerance: float = Field(default=1e-5, ge=0)
    trial: str = "local"
    proxy: ProxySettings = ProxySettings()

    def resolved_base_path(self) -> str:
        """The base directory as any process of this machine can use it: absolute, or a URL."""
        return _absolute(self.base_path)

    def resolved(self) -> Self:
        """These settings as any process of this machine can use them."""
        return self.model_copy(update={"base_path": self.resolved_base_path()})


class AuditSettings(_Section):
    """Who signs audit reports.

    Attributes:
        key: Reference to a private Ed25519 key in PEM form: `file:PATH` or `env:NAME`.
        public_key: The key that reports are verified by, where the private one is elsewhere.
    """

    key: str | None = None
    public_key: Path | None = None


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


Moment = Literal["failure", "success", "approval"]


class NotificationSettings(_Section):
    """Whom Airflow tells what; runs of `pipeline run` are followed on the terminal.

    Attributes:
        notifier: Class of an Airflow notifier, `package.module.Class`; the import_paths count, too.
        on: When: a run failed, a run succeeded, somebody's approval is waited for.
        arguments: Of the class; texts may be templates. Credentials belong in Airflow's connections.
    """

    notifier: str
    on: tuple[Moment, ...] = ("failure",)
    arguments: dict[str, Any] = {}


class Profile(BaseSettings):
    """One environment.

    Attributes:
        state_dir: Logs, local copies, locks.
        import_paths: Directories that hold pipelines and their modules.
        parallelism: Nodes that run at once.
        environments: Interpreters by name, for components that ask for one.
        notifications: Airflow's notifiers.
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
    audit: AuditSettings = AuditSettings()
    environments: dict[str, Path] = {}
    notifications: tuple[NotificationSettings, ...] = ()

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
            there = sorted(found.stem for found in file.parent.glob("*.yaml"))
            near = difflib.get_close_matches(file.stem, there, n=1)
            raise ProfileError(
                f"there is no profile {file.stem}",
                at=str(file),
                profiles=", ".join(there) or "none",
                fix=f"did you mean {near[0]}?" if near else "name one that exists, or write the file",
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
            ProfileError: An unknown key or a wrong type, in the file or in a `PIPELINE_` variable; or such a
                variable that is almost a setting's.
        """
        _require_double_underscores()
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
        ProfileError: The file is missing or wrong, or the working directory was deleted.
    """
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise ProfileError(
            "the directory in which this was started is no longer there",
            at=os.environ.get("PWD"),
            fix="change to the project's folder, and start it again",
        ) from error
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
    is_list = first["type"] in {"tuple_type", "list_type"}
    return ProfileError(
        f"{key} in profile {file.stem} is wrong: {first['msg']}",
        at=str(file),
        got=repr(first["input"]),
        fix=f"write a list: [{first['input']}]" if is_list else "give a value of the right type",
    )


def _require_double_underscores() -> None:
    """`PIPELINE_METADATA_URL` would say nothing, and the run go into another store than was meant."""
    meant = {name.replace("__", "_"): name for name in _variables(Profile, "PIPELINE_") if "__" in name}
    for name in sorted(os.environ.keys() & meant.keys()):
        raise ProfileError(
            f"the variable {name} of the environment is no setting's",
            at=name,
            fix=f"did you mean {meant[name]}?",
        )


def _variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Names of the variables that give a value of a section, and of the sections in it."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _variables(field.annotation, f"{prefix}{name.upper()}__")


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Profile
    for step in path:
        annotation = model.model_fields[str(step)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
