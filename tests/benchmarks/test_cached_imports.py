"""What a fully cached run may not import; nothing is timed here."""

from pathlib import Path

from benchmarks.workplace import Workplace

HEAVY = ("tensorflow", "tf_keras", "keras", "apache_beam", "pyarrow", "numpy", "pandas")


def test_cached_run_imports_nothing_heavy(scratch: Path) -> None:
    place = Workplace(
        folder=scratch / "imports", hosts=scratch / "ih", dags=scratch / "imports/dags"
    ).prepare()
    folder = place.dags / "cells"
    folder.mkdir(parents=True)
    (folder / "pipeline.py").write_text(PIPELINE)
    (place.folder / "cells.csv").write_text("a,b\n" + "".join(f"{i},x{i}\n" for i in range(50)))
    try:
        place.run("cells")
        again = place.pipeline("run", "cells", "--json", environ={"PYTHONPROFILEIMPORTTIME": "1"})
        listed = (place.folder / "errors.log").read_text().splitlines()
    finally:
        place.stop_hosts()
    assert {node["outcome"] for node in again.answer["nodes"]} == {"cached"}
    imported = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in listed if line.startswith("import")
    }
    assert "ml_metadata" in imported, "the list of imports is read well"
    assert not imported & set(HEAVY)


PIPELINE = """
from pipeline_components.ingest import ingest_csv
from pipeline_components.statistics import compute_statistics
from pipeline_lib import pipeline


@pipeline(name="cells")
def cells() -> None:
    compute_statistics(ingest_csv(source="cells.csv"))
"""
