"""Images and compose.yaml, as far as they can be checked without an engine."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
BIN = Path(sys.executable).parent
SCRIPTS = ("entrypoint.sh", "make-secrets.sh", "postgres/create-databases.sh")
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def interpolated() -> dict[str, Any]:
    """compose.yaml with its defaults, as an engine reads it without `.env`."""
    found: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(r"\2", (DOCKER / "compose.yaml").read_text()))
    return found


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = interpolated()["services"]
    return found


def checked(*command: str | Path, **environ: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environ})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_hadolint_has_nothing_to_say() -> None:
    assert checked(BIN / "hadolint", DOCKER / "Dockerfile") == ""


def test_shellcheck_has_nothing_to_say() -> None:
    assert checked(BIN / "shellcheck", *(DOCKER / script for script in SCRIPTS)) == ""


def test_compose_lint_has_nothing_to_say() -> None:
    options = ("--no-env", "--strict-config", "--fail-on", "low", "--config", DOCKER / ".compose-lint.yml")
    checked(BIN / "compose-lint", "check", *options, DOCKER / "compose.yaml")


def test_the_compose_specification_is_kept() -> None:
    plain = {key: value for key, value in interpolated().items() if not key.startswith("x-")}
    composition = compose_spec.PyCompose.from_json(json.dumps(plain))
    composition.validate()
    assert set(composition.service_names()) == {
        *("postgres", "redis", "serving", "airflow-migrate", "airflow-apiserver", "airflow-scheduler"),
        *("airflow-dag-processor", "airflow-triggerer", "airflow-worker"),
    }


@pytest.mark.parametrize("name", sorted(services()))
def test_a_service_is_pinned_confined_and_watched(name: str) -> None:
    service = services()[name]
    version = service["image"].rpartition(":")[2]
    assert re.match(r"\d+\.\d+", version), service["image"]
    assert service["user"].split(":")[0] != "0"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "healthcheck" in service or name == "airflow-migrate"
    assert not [key for key in service.get("environment", {}) if re.search("PASSWORD$|SECRET|_KEY$", key)]
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:")


def test_every_variable_is_in_the_example() -> None:
    used = {name for name, _ in _VARIABLE.findall((DOCKER / "compose.yaml").read_text())}
    given = set(re.findall(r"^(\w+)=", (DOCKER / "env.example").read_text(), re.MULTILINE))
    assert used <= given
    assert given - used == {"COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"}


def test_secrets_are_made_once_and_become_settings(tmp_path: Path) -> None:
    home, secrets = tmp_path / "home", tmp_path / "secrets"
    home.mkdir()
    checked(DOCKER / "make-secrets.sh", secrets)
    made = {file.name: file.read_text() for file in secrets.iterdir()}
    assert set(made) == set(interpolated()["secrets"])
    assert checked(DOCKER / "make-secrets.sh", secrets) == "", "what is there stays"
    environ = checked(
        *(DOCKER / "entrypoint.sh", "env"),
        SECRETS_FOLDER=str(secrets),
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__EXECUTOR="CeleryExecutor",
    )
    found = dict(line.split("=", 1) for line in environ.splitlines() if line.startswith("AIRFLOW__"))
    password = made["airflow_database_password"]
    address = f"postgresql+psycopg://airflow:{password}@postgres:5432/airflow"
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == address
    assert found["AIRFLOW__CELERY__RESULT_BACKEND"] == f"db+{address}"
    assert found["AIRFLOW__CELERY__BROKER_URL"] == f"redis://:{made['redis_password']}@redis:6379/0"
    assert found["AIRFLOW__API_AUTH__JWT_SECRET"] == made["airflow_jwt_secret"]
    assert (home / "passwords.json").read_text() == made["airflow_passwords.json"].strip()


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    environ = {**os.environ, "SECRETS_FOLDER": str(tmp_path)}
    done = subprocess.run(
        [DOCKER / "entrypoint.sh", "true"], capture_output=True, text=True, check=False, env=environ
    )
    assert done.returncode == 78
    assert f"{tmp_path}/airflow_database_password" in done.stderr


def test_what_the_dockerfile_copies_is_there_and_reaches_the_engine() -> None:
    lines = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    copied = {source for line in lines for source in line.split()[:-1]}
    let_through = re.findall(r"^!(.+)$", (DOCKER / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert copied == set(let_through)
    assert all((ROOT / source).exists() for source in copied)


def locked(file: Path) -> dict[str, frozenset[str]]:
    """Hashes by `name==version`."""
    blocks = file.read_text().replace("\\\n", " ").splitlines()
    return {words[0]: frozenset(words[1:]) for line in blocks if (words := line.split())}


@pytest.mark.parametrize("name", ["airflow", "worker", "build"])
def test_the_images_packages_are_those_of_the_lock(name: str) -> None:
    whole, part = locked(ROOT / "requirements.lock"), locked(DOCKER / f"{name}.lock")
    assert part
    assert part.items() <= whole.items(), "run `make lock`"


def test_the_profile_of_the_containers_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline_lib.settings import Profile

    profile = Profile.from_file(DOCKER / "profile.yaml")
    assert profile.metadata.password == "file:/run/secrets/metadata_database_password"
    assert profile.serving.server_base_path == "/models"
    mounted = {str(volume).split(":")[1] for volume in services()["airflow-scheduler"]["volumes"]}
    assert {str(profile.state_dir), profile.artifacts.root, profile.serving.base_path} <= mounted
