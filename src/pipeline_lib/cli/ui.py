"""`pipeline ui`: runs, models, lineage and reports in the browser."""

from typing import Annotated

import typer

from pipeline_lib.cli.console import out, print_json, reported
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.collection import collect_as_usual
from pipeline_lib.secrets import reveal_secret
from pipeline_lib.settings import load_profile


def ui(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8090,
    host: Annotated[
        str, typer.Option(help="Address to listen on; other than this machine only with --token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(metavar="REFERENCE", help="What visitors log in with: env:NAME or file:/path."),
    ] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show runs, models, lineage and reports in the browser until Ctrl-C."""
    with reported(as_json=as_json):
        from pipeline_lib.lineage.web.standalone import PageServer

        server = PageServer(host=host, port=port, token=reveal_secret(token) if token else None)
        from pipeline_lib.artifacts.store import open_artifact_store
        from pipeline_lib.metadata.mlmd import open_store

        chosen = load_profile(profile)
        artifacts = open_artifact_store(
            chosen.artifacts.resolved_root(),
            chosen.artifacts.storage_options,
            cache_dir=chosen.state_dir / "artifact-cache",
        )
        with open_store(chosen.metadata) as store:
            collect_as_usual()
            server.serve(store, artifacts, ready=lambda address: _tell(address, as_json=as_json))


def _tell(address: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"address": address})
    else:
        out.print(f"pages are at {address}; Ctrl-C ends it")
    out.file.flush()
