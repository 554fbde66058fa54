"""docs/images/run.svg: what a terminal shows at the end of a night's run, recorded while it really runs.

Called by `make screenshots` in a copy of the project whose store has the nights before.
"""

import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

from pipeline_lib.cli.discovery import find_pipeline
from pipeline_lib.cli.progress import RunView
from pipeline_lib.cli.summary import summarise
from pipeline_lib.runtime.session import open_session
from pipeline_lib.settings import load_profile

WIDTH = 96


def main(night: str, target: Path) -> None:
    """Run the night, and keep the last frame and the summary."""
    profile = load_profile()
    plan = find_pipeline("flight-delays", profile.import_paths).compile()
    title = f"pipeline run {plan.name} --param day={night}"
    with Path("run-picture.log").open("w", encoding="utf-8") as nowhere:
        console = Console(file=nowhere, force_terminal=True, width=WIDTH, highlight=False)
        with open_session(profile) as session:
            with RunView(plan, console, title=f"{plan.name}, {night}") as drawn:
                result = session.run(plan, {"day": night}, observe=drawn)
                console.record = True  # only the last frame, not the eight a second before it
            console.print(summarise(result))
        target.write_text(console.export_svg(title=title, theme=DIMMED_MONOKAI), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
