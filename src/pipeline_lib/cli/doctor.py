"""`pipeline doctor`: find and mend what killed processes and lost files leave behind."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from pipeline_lib.cli.console import EXIT_FAILED, reported, show, table
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.runtime.deployments import interrupted
from pipeline_lib.runtime.doctor import Doctor
from pipeline_lib.runtime.session import open_session
from pipeline_lib.settings import load_profile


def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="Put right what is found.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Hash every file instead of comparing sizes.")] = False,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Look for orphaned executions, missing or changed files, stale staging, interrupted pushes.

    Exit code 1: something is wrong and was not mended.
    """
    with reported(as_json=as_json), open_session(load_profile(profile)) as session:
        checkup = Doctor(store=session.store, artifacts=session.artifacts, mend=mend, full=full)
        serving = session.profile.serving.resolved()
        findings = [*checkup.examine(), *interrupted(serving, mend=mend)]
    rows = table("found", "what", "detail", "mended")
    for finding in findings:
        rows.add_row(finding.kind, finding.subject, finding.detail, finding.mended)
    show(
        [asdict(finding) for finding in findings],
        as_json=as_json,
        render=lambda: rows if findings else Text("nothing to mend", style="green"),
    )
    if findings and not mend:
        raise typer.Exit(EXIT_FAILED)
