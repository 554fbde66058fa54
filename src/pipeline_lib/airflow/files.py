"""A pipeline's DAG as a file of its own beside its plan: what `pipeline compile --target airflow` writes.

Neither the pipeline's module nor its components are imported when Airflow reads it.
"""

from pathlib import Path

from pipeline_lib.airflow.translation import check_translatable
from pipeline_lib.plan.models import Plan

_DAG_FILE = '''"""{name} as an Airflow DAG, from the plan beside this file; written by `pipeline compile`."""

from pathlib import Path

from pipeline_lib.airflow import to_dag
from pipeline_lib.plan.reading import read_plan

dag = to_dag(read_plan(Path(__file__).with_suffix(".json")), profile={profile!r})
'''


def write_dag(plan: Plan, folder: Path, *, profile: str | None = None) -> tuple[Path, Path]:
    """Write `<name>.py` and `<name>.json`; an equal plan gives equal files.

    Args:
        plan: The compiled pipeline.
        folder: Airflow's DAG folder; made if it is not there.
        profile: Name of the profile that the tasks open; None leaves it to `PIPELINE_PROFILE`.

    Returns:
        The DAG file and the plan's file.

    Raises:
        UntranslatableError: The plan holds something that the DAG could not honour.
    """
    check_translatable(plan)
    folder.mkdir(parents=True, exist_ok=True)
    dag_file, plan_file = folder / f"{plan.name}.py", folder / f"{plan.name}.json"
    plan_file.write_text(plan.to_text() + "\n", encoding="utf-8")
    dag_file.write_text(_DAG_FILE.format(name=plan.name, profile=profile), encoding="utf-8")
    return dag_file, plan_file
