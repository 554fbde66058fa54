"""`pipeline plan` of a pipeline of 20 nodes beside one of 200, both fully cached, in one process.

    python planning.py FOLDER REPETITIONS

FOLDER is empty, and gets the pipelines, a store, and one run of the larger one, from which both take their
results. Timed is what `pipeline plan` does once it has started: compile, bind, forecast.
The last line printed is JSON: milliseconds per node by number of nodes, in turns.
"""

import json
import sys
import time
from pathlib import Path

from pipeline_lib.runtime.parameters import bind, span_of
from pipeline_lib.runtime.planning import Planner
from pipeline_lib.runtime.session import new_context, open_session
from pipeline_lib.settings import ArtifactSettings, HostSettings, MetadataSettings, Profile

SIZES = (20, 200)
MODULE = '''
from pipeline_lib import Artifact, component, pipeline


class Number(Artifact):
    """A number in a file."""


@component
def step(previous: Number | None = None, *, add: int) -> Number:
    """One more."""
    number = Number.new()
    before = int((previous.path / "n").read_text()) if previous is not None else 0
    (number.path / "n").write_text(str(before + add))
    return number


def chains(nodes: int) -> None:
    """Chains of ten, side by side."""
    for chain in range(nodes // 10):
        number = step(add=chain)
        for place in range(1, 10):
            number = step(number, add=place)
'''
PIPELINE = '''

@pipeline(name="wide-{nodes}")
def wide_{nodes}() -> None:
    """Some."""
    chains({nodes})
'''


def profile_of(folder):
    return Profile(
        state_dir=folder / "state",
        import_paths=(folder / "dags",),
        metadata=MetadataSettings(url=f"sqlite:///{folder}/metadata.sqlite"),
        artifacts=ArtifactSettings(root=str(folder / "artifacts")),
        host=HostSettings(directory=folder / "h"),
    )


def plan(pipeline, session):
    """Milliseconds per node."""
    started = time.perf_counter()
    compiled = pipeline.compile()
    values = bind(compiled, {})
    context = new_context(compiled, span=span_of(compiled, values), profile=session.profile)
    forecasts = Planner(compiled, session.launcher(context), values).forecast()
    taken = time.perf_counter() - started
    if {forecast.verdict for forecast in forecasts} != {"hit"}:
        sys.exit(f"not all cached: {forecasts}")
    return 1e3 * taken / len(forecasts)


def main(folder, repetitions):
    folder = Path(folder).resolve()
    module = folder / "dags/wide_pipelines.py"
    module.parent.mkdir(parents=True)
    module.write_text(MODULE + "".join(PIPELINE.format(nodes=nodes) for nodes in SIZES))
    sys.path.insert(0, str(module.parent))
    import wide_pipelines

    from pipeline_lib.runtime.host.starting import stop_hosts

    profile = profile_of(folder)
    pipelines = {nodes: getattr(wide_pipelines, f"wide_{nodes}") for nodes in SIZES}
    measured = {nodes: [] for nodes in SIZES}
    try:
        with open_session(profile) as session:
            result = session.run(pipelines[SIZES[-1]].compile(), {})
            if not result.state.succeeded:
                sys.exit(f"the run failed: {result}")
            for number in range(int(repetitions) + 1):
                for nodes, pipeline in pipelines.items():
                    taken = plan(pipeline, session)
                    if number:
                        measured[nodes].append(taken)
    finally:
        stop_hosts(profile.host)
    sys.stdout.write("\n" + json.dumps(measured) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
