"""The data-heavy components on Prism, with SDK workers that see nothing of this process and its staging.

What Flink, Spark and Prism share is Beam's portable protocol: a job server, and workers that are started for
each job as processes of their own. Here a pool of them runs where the staging directory is hidden by an empty
one, as on another machine.

A runner hands out rows in bundles as it likes. TFDV's and TFT's means depend on them in their last bits, so
floating-point numbers are compared to within rounding; everything else exactly.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_metadata.proto.v0 import statistics_pb2

from integration.launching import PIPELINES
from integration.portable import prism, why_no_prism, why_not_hidden, worker_pool
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.runtime.results import RunResult
from pipeline_lib.runtime.selection import Selection
from pipeline_lib.runtime.session import open_session
from pipeline_lib.settings import (
    ArtifactSettings,
    BeamSettings,
    HostSettings,
    MetadataSettings,
    Profile,
    load_profile,
)

ROOT = Path(__file__).parents[2]
WHY_NOT = why_no_prism() or why_not_hidden()

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("portable-runner"),
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
    pytest.mark.timeout(900),  # Prism may have to be compiled first
]


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The same pipeline on both runners."""

    direct: RunResult
    portable: RunResult

    def outputs(self, node: str, port: str) -> tuple[Path, Path]:
        """Directories of what a node put out here and there."""
        places = [run.of(node)[0].outputs[port][0].uri for run in (self.direct, self.portable)]
        return Path(places[0]), Path(places[1])

    def properties(self, node: str, port: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Properties of what a node put out here and there."""
        found = [run.of(node)[0].outputs[port][0].properties for run in (self.direct, self.portable)]
        return dict(found[0]), dict(found[1])


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Profile]]:
    folder = tmp_path_factory.mktemp("runners")
    host = HostSettings(directory=folder / "host")

    def profile(name: str, beam: BeamSettings) -> Profile:
        return Profile(
            state_dir=folder / name / "state",
            import_paths=(PIPELINES,),
            metadata=MetadataSettings(url=f"sqlite:///{folder}/{name}.sqlite"),
            artifacts=ArtifactSettings(root=str(folder / name / "artifacts")),
            beam=beam,
            host=host,
        )

    theirs = load_profile("prism", folder=ROOT / "configs").beam
    environ = {"PYTHONPATH": str(PIPELINES)}
    hidden = folder / "apart/artifacts/.staging"
    with (
        prism(folder / "prism.log") as server,
        worker_pool(folder / "workers.log", environ, hide=hidden) as pool,
    ):
        options = {**theirs.options, "job_endpoint": server, "environment_config": pool}
        apart = theirs.model_copy(update={"options": options, "shared": str(folder / "shared")})
        yield {
            "direct": profile("direct", BeamSettings()),
            "apart": profile("apart", apart),
        }
    stop_hosts(host)


@pytest.fixture(scope="module")
def plan() -> Plan:
    if str(PIPELINES) not in sys.path:
        sys.path.insert(0, str(PIPELINES))
    from measured.pipeline import measured

    compiled: Plan = measured.compile()
    return compiled


@pytest.fixture(scope="module")
def runs(profiles: dict[str, Profile], plan: Plan) -> Runs:
    found = {}
    for name in ("direct", "apart"):
        with open_session(profiles[name]) as session:
            found[name] = session.run(plan, {})
        assert [str(node.error) for node in found[name].nodes if node.error] == []
    return Runs(direct=found["direct"], portable=found["apart"])


@pytest.mark.parametrize("split", ["train", "eval"])
def test_statistics_are_the_same(runs: Runs, split: str) -> None:
    here, there = (
        statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
        for place in runs.outputs("compute_statistics", "statistics")
        for file in [place / f"Split-{split}/FeatureStats.pb"]
    )
    assert here.datasets[0].num_examples
    require_same(MessageToDict(here), MessageToDict(there), rel=1e-12)


@pytest.mark.parametrize("split", ["train", "eval"])
def test_transformed_rows_are_the_same(runs: Runs, split: str) -> None:
    here, there = runs.outputs("transform", "transformed_examples")
    names = sorted(file.name for file in (here / f"Split-{split}").iterdir())
    assert names == sorted(file.name for file in (there / f"Split-{split}").iterdir())
    for name in names:
        ours, theirs = (pq.read_table(str(place / f"Split-{split}" / name)) for place in (here, there))
        assert ours.schema.equals(theirs.schema, check_metadata=True)
        assert ours.num_rows
        require_same(ours.to_pydict(), theirs.to_pydict(), rel=1e-5)


def test_the_transform_graph_is_the_same(runs: Runs) -> None:
    here, there = runs.outputs("transform", "transform_graph")
    files = sorted(str(file.relative_to(here)) for file in here.rglob("*") if file.is_file())
    assert files == sorted(str(file.relative_to(there)) for file in there.rglob("*") if file.is_file())
    assert "transform_fn/assets/cities" in files
    for name in files:
        if name == "transform_fn/saved_model.pb":
            require_same(_graph(here / name), _graph(there / name), rel=1e-6)
        elif name != ".manifest.json":
            assert (here / name).read_bytes() == (there / name).read_bytes()


def _graph(file: Path) -> list[tuple[str, str, tuple[int, ...], list[Any]]]:
    """Every operation of a SavedModel, and what a constant holds: means, bounds, sizes of vocabularies.

    TensorFlow numbers names in the order in which a process meets them, so they tell nothing.
    """
    (graph,) = saved_model_pb2.SavedModel.FromString(file.read_bytes()).meta_graphs
    nodes = [*graph.graph_def.node, *(n for f in graph.graph_def.library.function for n in f.node_def)]
    return sorted((node.op, *_constant(node)) for node in nodes)


def _constant(node: Any) -> tuple[str, tuple[int, ...], list[Any]]:
    if not node.attr["value"].HasField("tensor"):
        return "", (), []
    values = tf.make_ndarray(node.attr["value"].tensor)
    return str(values.dtype), values.shape, values.ravel().tolist()


def require_same(here: Any, there: Any, *, rel: float) -> None:
    """Equal but for how floating-point numbers are rounded."""
    ours, theirs = dict(_leaves(here)), dict(_leaves(there))
    rounded = {place for place, value in ours.items() if isinstance(value, float)}
    assert ours.keys() == theirs.keys()
    assert {p: ours[p] for p in ours.keys() - rounded} == {p: theirs[p] for p in ours.keys() - rounded}
    assert [ours[p] for p in rounded] == pytest.approx([theirs[p] for p in rounded], rel=rel, abs=rel / 10)


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """What stands in dictionaries and sequences, each with its place."""
    if isinstance(value, dict | list | tuple):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(part, f"{at}/{key}")
    else:
        yield at, value


def test_an_evaluation_is_the_same(runs: Runs) -> None:
    here, there = runs.properties("evaluate", "evaluation")
    assert here["slice_metrics"]
    require_same(here, there, rel=1e-12)
    assert runs.properties("evaluate", "blessing")[1]["outcome"] == "blessed"


def test_an_error_in_a_worker_keeps_its_code_and_place(profiles: dict[str, Profile], plan: Plan) -> None:
    with open_session(profiles["apart"]) as session:
        result = session.run(plan, {"spoiled": True}, selection=Selection.of(plan, stop=["evaluate"]))
    (failed,) = result.of("evaluate")
    assert failed.error is not None
    assert failed.error.code == "PC508"
    assert failed.error.summary.endswith("rows have no label")
    assert "Split-eval/0.parquet, row group" in str(failed.error.at)
    assert "drop_unlabelled" in failed.error.fix
