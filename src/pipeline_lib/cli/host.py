"""`pipeline host`: the warm process that forks one child per execution."""

import typer

from pipeline_lib.cli.console import out, print_json, reported, show, table
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.runtime.host.starting import running_hosts, stop_hosts
from pipeline_lib.settings import load_profile
from pipeline_lib.wording import duration

app = typer.Typer(help="The warm executor hosts of this user.", no_args_is_help=True)


@app.command()
def status(profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Show the hosts that run: what they have imported, what they execute, when they end."""
    with reported(as_json=as_json):
        found = [host for _, host in running_hosts(load_profile(profile).host)]
    rows = table("pid", "age", "memory", "imported", "running", "served", "ends in")
    for host in found:
        left = max(host.idle_timeout_seconds - host.idle_seconds, 0.0)
        rows.add_row(
            str(host.pid),
            duration(host.seconds),
            f"{host.memory_bytes / 2**20:.0f} MiB",
            f"{len(host.loaded)} modules" + (f", {len(host.pending)} to go" if host.pending else ""),
            ", ".join(child.label for child in host.children) or "nothing",
            str(host.served),
            duration(left),
        )
    show(
        [host.model_dump(mode="json") for host in found],
        as_json=as_json,
        render=lambda: rows if found else "no host runs; the next run starts one",
    )


@app.command()
def stop(profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Stop them, and what they execute."""
    with reported(as_json=as_json):
        count = stop_hosts(load_profile(profile).host)
    if as_json:
        print_json({"stopped": count})
    else:
        out.print(f"{count} stopped")
