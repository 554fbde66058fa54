"""`pipeline plan`: what a run would take from the cache, what it would execute, and why."""

from dataclasses import asdict

from rich.text import Text

from pipeline_lib.cli.console import reported, show, styled, table
from pipeline_lib.cli.discovery import find_pipeline
from pipeline_lib.cli.options import AsJson, Parameters, PipelineName, ProfileName, parameter_texts
from pipeline_lib.runtime.parameters import bind, from_text, span_of
from pipeline_lib.runtime.planning import Planner
from pipeline_lib.runtime.session import new_context, open_session
from pipeline_lib.settings import load_profile


def plan(
    name: PipelineName,
    param: Parameters = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Say per node: hit or miss, and why, down to the file. Nothing is executed or recorded."""
    with reported(as_json=as_json):
        settings = load_profile(profile)
        compiled = find_pipeline(name, settings.import_paths).compile()
        values = bind(compiled, from_text(compiled, parameter_texts(param)))
        with open_session(settings) as session:
            context = new_context(compiled, span=span_of(compiled, values), profile=settings)
            forecasts = Planner(compiled, session.launcher(context), values).forecast()
    rows = table("node", "cache", "why", whole=["node", "cache"])
    for forecast in forecasts:
        why = Text(forecast.reason)
        for line in forecast.detail:
            why.append(f"\n  {line}", style="dim")
        rows.add_row(str(forecast.key), styled(forecast.verdict), why)
    show(
        [{**asdict(forecast), "key": str(forecast.key)} for forecast in forecasts],
        as_json=as_json,
        render=lambda: rows,
    )
