"""`make screenshots`: the pictures in docs/images, of two nights of flights run for real, one in Airflow.

Takes some minutes, and Debian's chromium. Everything happens in a copy of the project.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page

from integration.airflow.client import AirflowClient, quoted
from integration.airflow.started import free_port
from integration.browser import browser, logged_in, read_frame, served, triggered
from pipeline_lib.airflow.local import LocalAirflow
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import ArtifactQuery

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs/images"
NIGHT = date(2013, 6, 14)
LARGEST = 200_000


def main() -> None:
    """Run, look, and keep what is seen."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        project = Path(name)
        for part in ("dags", "configs"):
            shutil.copytree(ROOT / part, project / part)
        os.environ["PYTHONPATH"] = str(project / "dags")
        os.environ["PIPELINE_HOST__DIRECTORY"] = str(project / "host")
        _commit(project)
        _run(project, sys.executable, "-m", "flight_delays.demo", str(NIGHT))
        sys.path.insert(0, str(project / "dags"))
        from flight_delays.data import write_days

        next_night, night_after = (NIGHT + timedelta(days=days) for days in (1, 2))
        write_days(project / ".pipeline/data", [next_night, night_after])
        try:
            with browser() as chromium:
                _inside_airflow(chromium, project, next_night)
                _standing_alone(chromium, project)
            recorder = str(Path(__file__).with_name("run_picture.py"))
            _run(project, sys.executable, recorder, night_after.isoformat(), str(IMAGES / "run.svg"))
        finally:
            _run(project, _command("pipeline"), "serving", "stop")
            _run(project, _command("pipeline"), "host", "stop")


def _inside_airflow(chromium: Browser, project: Path, night: date) -> None:
    airflow = LocalAirflow(
        home=project / "airflow",
        dags=project / "dags",
        port=free_port(),
        directory=project,
        environ={
            "AIRFLOW__PIPELINE_LIB__PROFILE": "airflow",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",  # only what is triggered here
        },
    )
    with airflow, logged_in(chromium, airflow.url, "admin", airflow.password) as page:
        client = AirflowClient.log_in(airflow.url, "admin", airflow.password)
        client.wait_for_dags(1, 180)

        def shown() -> None:
            _keep(page, "airflow-trigger")

        run = triggered(
            page, airflow.url, "flight-delays", before=shown, day=night.isoformat(), train_steps="600"
        )
        state = client.wait("flight-delays", run, 900)
        if state != "success":
            sys.exit(f"the run ended as {state}: {client.states('flight-delays', run)}")
        place = f"{airflow.url}/dags/flight-delays/runs/{quoted(run)}"
        page.goto(f"{place}/tasks/evaluate/details")
        page.get_by_role("link", name="Report", exact=True).wait_for()
        _keep(page, "airflow-task-links")
        page.goto(f"{place}/plugin/pipeline-run")
        read_frame(page).locator("svg .card").first.wait_for()
        _keep(page, "airflow-run")


def _standing_alone(chromium: Browser, project: Path) -> None:
    with open_store(f"sqlite:///{project}/.pipeline/metadata.sqlite") as store:
        models = store.artifacts(ArtifactQuery(type_name="Model"))
        (evaluation,) = store.artifacts(ArtifactQuery(type_name="ModelEvaluation", limit=1))
    with served(project) as address:
        for name, path, scheme in (
            ("ui-overview", "/", "light"),
            ("ui-model", f"/models/{models[0].id}", "light"),
            ("ui-lineage", f"/artifacts/{models[0].id}/lineage", "dark"),
            ("ui-report", f"/artifacts/{evaluation.id}#report", "light"),
            ("ui-compare", f"/compare?before={models[-1].id}&after={models[0].id}", "light"),
        ):
            page = chromium.new_page(viewport={"width": 1280, "height": 860}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(f"{address}{path}", wait_until="networkidle")
            _keep(page, name)
            page.close()


def _keep(page: Page, name: str) -> None:
    page.wait_for_timeout(1_500)  # what moves has come to rest; Airflow's pages never stop asking
    file = IMAGES / f"{name}.png"
    page.screenshot(path=file)
    if file.stat().st_size > LARGEST:
        sys.exit(f"{file} is larger than {LARGEST} bytes")
    sys.stdout.write(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1000} kB\n")


def _commit(project: Path) -> None:
    """So that runs have a commit to name."""
    (project / ".gitignore").write_text(".pipeline/\n__pycache__/\nairflow/\nhost/\n")
    _run(project, "git", "init", "--quiet")
    _run(project, "git", "add", "--all")
    author = ("-c", "user.name=Example", "-c", "user.email=example@example.org")
    _run(project, "git", *author, "commit", "--quiet", "--message", "The sample pipelines")


def _command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _run(project: Path, *command: str) -> None:
    subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
