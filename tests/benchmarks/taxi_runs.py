"""The taxi pipeline by everyone, in turns, so that a busy minute of the machine hits all alike."""

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring import Finished
from benchmarks.workplace import TfxEnvironment, Workplace, bare

STEPS = 1_000


@dataclass(slots=True, kw_only=True)
class TaxiRuns:
    """Finished processes by kind, one per repetition."""

    tfx: list[Finished] = field(default_factory=list)
    tfx_cached: list[Finished] = field(default_factory=list)
    bare: list[Finished] = field(default_factory=list)
    cold: list[Finished] = field(default_factory=list)
    cached: list[Finished] = field(default_factory=list)
    warm: list[Finished] = field(default_factory=list)
    ingest_floor: list[float] = field(default_factory=list)
    ingest_bodies: list[float] = field(default_factory=list)


def seconds(runs: list[Finished]) -> list[float]:
    """Of the whole processes."""
    return [run.seconds for run in runs]


def measure_taxi(tfx: TfxEnvironment, folder: Path, *, copies: int, repetitions: int) -> TaxiRuns:
    """Run everyone's pipeline that often.

    Args:
        tfx: Gives data and module, too.
        folder: For all files.
        copies: How often the data's rows are repeated.
        repetitions: Each begins with empty stores.
    """
    data = folder / "data/data.csv"
    data.parent.mkdir(parents=True)
    header, *rows = tfx.taxi_csv.read_text().splitlines(keepends=True)
    data.write_text(header + "".join(rows) * copies)
    runs = TaxiRuns()
    for number in range(repetitions):
        place = folder / str(number)
        runs.tfx.append(tfx.run_taxi(data, place / "tfx", STEPS))
        if copies == 1:
            runs.tfx_cached.append(tfx.run_taxi(data, place / "tfx", STEPS))
        runs.bare.append(
            bare("bare_taxi", data, tfx.taxi_module, place / "bare/out", STEPS, folder=place / "bare")
        )
        runs.ingest_floor += bare("arrow_ingest", data, place / "arrow/out", 3, folder=place / "arrow").answer
        _ours(tfx, place, data, runs)
    return runs


def _ours(tfx: TfxEnvironment, place: Path, data: Path, runs: TaxiRuns) -> None:
    given = {"data": data, "module": tfx.taxi_module, "train_steps": STEPS}
    cold = Workplace(folder=place / "cold", hosts=place / "h").prepare()
    warm = Workplace(folder=place / "warm", hosts=place / "h").prepare()
    try:
        runs.cold.append(cold.run("taxi", **given))
        runs.cached += [cold.run("taxi", **given) for _ in range(3)]
        runs.warm.append(warm.run("taxi", **given))
        runs.ingest_bodies.append(warm.body_seconds(runs.warm[-1].answer, "ingest_csv"))
        for _ in range(2):  # as often as the floor
            again = warm.run("taxi", "--only", "ingest_csv", "--force", "ingest_csv", **given)
            runs.ingest_bodies.append(warm.body_seconds(again.answer, "ingest_csv"))
    finally:
        cold.stop_hosts()
