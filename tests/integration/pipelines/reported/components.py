"""What a statistics component leaves, in small."""

from pathlib import Path

from pipeline_lib import component
from pipeline_lib.artifacts.standard import Examples, ExampleStatistics

_PAGE = "<!doctype html><title>Rows</title><style>h1 { color: teal }</style><h1>{rows} rows were counted</h1>"


@component(output="examples")
def read(*, source: str, span: int) -> Examples:
    """The file as it is."""
    made = Examples.new(span=span, version=0, split_names=["all"])
    text = Path(source).read_text()
    made.rows = {"all": len(text.splitlines())}
    (made.path / "rows.txt").write_text(text)
    return made


@component(output="statistics")
def count(examples: Examples, *, times: int) -> ExampleStatistics:
    """How many rows there are, and a report that says so."""
    made = ExampleStatistics.new(span=examples.span, split_names=["all"])
    (made.path / "report.html").write_text(_PAGE.replace("{rows}", str(times * examples.rows["all"])))
    return made
