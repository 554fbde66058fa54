"""`pipeline list` and `pipeline compile`."""

from collections.abc import Callable
from pathlib import Path

from pipeline_lib.plan.reading import plan_from_text
from unit.cli.command import Command

GOOD = '''
from pipeline_lib import pipeline
from toy.components import read

@pipeline(name="good")
def good(source: str) -> None:
    """Reads."""
    read(source=source)
'''


def test_the_list_has_a_line_per_pipeline(pipeline: Command) -> None:
    lines = pipeline("list").splitlines()
    assert lines[0].split()[:3] == ["pipeline", "schedule", "nodes"]
    (chain,) = [line for line in lines if line.startswith("chain")]
    assert chain.split() == ["chain", "3", "source,", "plus", "read", "->", "add", "->", "add."]


def test_an_empty_project_says_what_a_pipeline_is(
    pipeline: Command, write_pipeline: Callable[[str, str], None]
) -> None:
    write_pipeline("empty_of_pipelines", "")
    assert "dags/NAME/pipeline.py" in pipeline("list")


def test_a_broken_module_hides_no_other(
    pipeline: Command, write_pipeline: Callable[[str, str], None]
) -> None:
    write_pipeline("broken_module", "import no_such_module")
    write_pipeline("good_module", GOOD)
    assert "good" in pipeline("list", code=2)
    assert "[PL603] broken_module.pipeline cannot be imported: ModuleNotFoundError" in pipeline.error


def test_a_pipeline_that_does_not_compile_hides_no_other(
    pipeline: Command, write_pipeline: Callable[[str, str], None]
) -> None:
    write_pipeline("good_beside", GOOD)
    write_pipeline("wrong_wire", GOOD.replace("good", "wrong").replace("source=source", "sauce=source"))
    assert "good" in pipeline("list", code=2)
    assert "did you mean source?" in pipeline.error


def test_compile_prints_a_plan_that_can_be_read_back(pipeline: Command) -> None:
    text = pipeline("compile", "chain")
    assert [node.id for node in plan_from_text(text).nodes] == ["read", "add", "last"]
    assert pipeline("compile", "chain") == text


def test_compile_for_airflow_writes_the_dag_and_its_plan(pipeline: Command, tmp_path: Path) -> None:
    told = pipeline("compile", "chain", "--target", "airflow", "--output", str(tmp_path / "dags"))
    assert told.split() == [str(tmp_path / "dags" / name) for name in ("chain.py", "chain.json")]
    assert plan_from_text((tmp_path / "dags" / "chain.json").read_text()).name == "chain"


def test_list_as_json_is_the_plans(pipeline: Command) -> None:
    assert "chain" in [plan["name"] for plan in pipeline.json("list")]
