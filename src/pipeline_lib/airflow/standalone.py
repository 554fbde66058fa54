"""`make airflow`: a local Airflow with the DAGs of a project, and the servers that its profile needs.

With arguments: a command of Airflow's own on the one that runs.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline_lib.airflow.local import LocalAirflow
from pipeline_lib.airflow.local_settings import write_private
from pipeline_lib.airflow.services import postgresql_url, private_postgresql, private_redis
from pipeline_lib.errors import AirflowNotStartedError

PROFILES = ("sqlite", "postgresql", "celery")


_STARTED = "started.json"


def main(home: Path = Path(".pipeline/airflow"), dags: Path = Path("dags")) -> None:
    """Run until Ctrl-C, with the DAGs of this project."""
    port, profile = int(os.environ.get("PORT", "8080")), _profile()
    print("starting Airflow", flush=True)
    try:
        with contextlib.ExitStack() as stack:
            services = _services(profile, home.parent, stack)
            at = _home_of(profile, home)
            # The profile of `dags/*/dag.py`, so that the pages in the UI show the store that the tasks write.
            services["environ"] = {"AIRFLOW__PIPELINE_LIB__PROFILE": "airflow", **services.get("environ", {})}
            airflow = stack.enter_context(LocalAirflow(home=at, dags=dags, port=port, **services))
            write_private(at / _STARTED, {"port": port, **services})
            print(f"Airflow is at {airflow.url}: user admin, password {airflow.password}")
            print(f"logs are in {at / 'logs'}; Ctrl-C stops it", flush=True)
            _keep_up(airflow)
    except AirflowNotStartedError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nAirflow is stopped")


def command(
    arguments: Sequence[str], home: Path = Path(".pipeline/airflow"), dags: Path = Path("dags")
) -> int:
    """Run a command of Airflow, as `airflow` is one, on the Airflow that `main` has started; its exit code.

    Args:
        arguments: `backfill create ...`.
        home: As given to `main`.
        dags: As given to `main`.
    """
    at = _home_of(_profile(), home)
    if not (at / _STARTED).exists():
        sys.exit(f"no Airflow was started in {at}: make airflow")
    airflow = LocalAirflow(home=at, dags=dags, **json.loads((at / _STARTED).read_text()))
    program = [sys.executable, "-m", "airflow", *arguments]
    return subprocess.run(program, env=airflow.environment(), check=False).returncode


def _profile() -> str:
    return os.environ.get("PROFILE") or "sqlite"


def _home_of(profile: str, home: Path) -> Path:
    return home if profile == "sqlite" else home.with_name(f"{home.name}-{profile}")


def _keep_up(airflow: LocalAirflow) -> None:
    """Start again what ends by itself: a busy SQLite can end Airflow's scheduler."""
    while True:
        if (ended := airflow.ended()) is not None:
            told = f"airflow {ended} ended; see {airflow.log(ended)}"
            if not airflow.restart(ended):
                sys.exit(told)
            print(f"{told}; it is started again", flush=True)
        time.sleep(1)


def _services(profile: str, folder: Path, stack: contextlib.ExitStack) -> dict[str, Any]:
    """What a profile has besides Airflow, started; the arguments of `LocalAirflow` that say so."""
    if profile not in PROFILES:
        raise AirflowNotStartedError(
            f"there is no profile {profile} of a local Airflow",
            known=", ".join(PROFILES),
            fix="use one of these",
        )
    if profile == "sqlite":
        return {}
    at = stack.enter_context(private_postgresql(folder / "postgresql"))
    services: dict[str, Any] = {
        "database": postgresql_url(at, "airflow", driver="+psycopg"),
        "environ": {"PIPELINE_METADATA__URL": postgresql_url(at, "metadata")},
    }
    if profile == "celery":
        services["broker"] = stack.enter_context(private_redis())
    return services


if __name__ == "__main__":
    for stopping in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs start with the first ignored
        signal.signal(stopping, signal.default_int_handler)
    if sys.argv[1:]:
        sys.exit(command(sys.argv[1:]))
    main()
