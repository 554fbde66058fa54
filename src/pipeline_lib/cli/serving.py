"""`pipeline serve` and `pipeline serving`: the local model server, and what a server has loaded."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline_lib.cli.console import out, print_json, reported, show, table
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.errors import ServerSettingsError
from pipeline_lib.serving.versions import Latest, ModelConfig, Specific, VersionPolicy
from pipeline_lib.settings import load_profile

if TYPE_CHECKING:
    from pipeline_lib.serving.versions import VersionStatus

app = typer.Typer(help="What a model server serves.", no_args_is_help=True)


def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME", help="A model; repeat for more. Default: all that were pushed."
        ),
    ] = None,
    base_path: Annotated[
        Path | None,
        typer.Option(help="Directory of the models; default: serving.base_path of the profile."),
    ] = None,
    rest_port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8501,
    grpc_port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8500,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    version: Annotated[
        list[int] | None, typer.Option("--version", help="Serve this version only; repeat for more.")
    ] = None,
    poll_seconds: Annotated[float, typer.Option(help="Between two looks at the models.", min=0.05)] = 1.0,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Serve pushed models on TensorFlow Serving's REST and gRPC interfaces until Ctrl-C."""
    with reported(as_json=as_json):
        root = str(base_path) if base_path else load_profile(profile).serving.resolved_base_path()
        policy: VersionPolicy = Specific(tuple(version)) if version else Latest()
        configs = [
            ModelConfig(name=name, base_path=str(Path(root).resolve() / name), policy=policy)
            for name in _models(root, model)
        ]
        from pipeline_lib.serving.server.process import ServerOptions
        from pipeline_lib.serving.server.process import serve as run

        options = ServerOptions(
            host=host, rest_port=rest_port, grpc_port=grpc_port, poll_seconds=poll_seconds
        )
        names = [config.name for config in configs]
        run(configs, options, ready=lambda rest, rpc: _tell(names, host, rest, rpc, as_json=as_json))


@app.command()
def status(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model.")],
    server: Annotated[str, typer.Option(metavar="HOST:PORT", help="Its gRPC address.")] = "127.0.0.1:8500",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.", min=0.1)] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Show the versions of a model that a server knows, and their states."""
    with reported(as_json=as_json):
        from pipeline_lib.serving.client import GrpcClient

        with GrpcClient(server, timeout_seconds=timeout) as client:
            found = client.status(name)
    show([_record(one) for one in found], as_json=as_json, render=lambda: _table(found))


def _models(root: str, named: list[str] | None) -> list[str]:
    if "://" in root:
        raise ServerSettingsError(
            "the local model server reads local directories only",
            at=root,
            fix="give --base-path a directory; TensorFlow Serving itself reads object stores",
        )
    if named:
        return list(dict.fromkeys(named))
    directory = Path(root)
    found = sorted(path.name for path in directory.iterdir() if path.is_dir()) if directory.is_dir() else []
    models = [name for name in found if not name.startswith(".")]
    if not models:
        raise ServerSettingsError(
            "no model was pushed yet", at=root, fix="push one, or name the one to wait for with --model"
        )
    return models


def _tell(names: list[str], host: str, rest: int, rpc: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"models": names, "rest": f"http://{host}:{rest}", "grpc": f"{host}:{rpc}"})
    else:
        out.print(f"serving {', '.join(names)}: REST http://{host}:{rest}, gRPC {host}:{rpc}; Ctrl-C ends it")
    out.file.flush()


def _record(one: "VersionStatus") -> dict[str, object]:
    return {
        "version": one.version,
        "state": one.state.name,
        "error_code": one.error_code,
        "error_message": one.error_message,
    }


def _table(found: "list[VersionStatus]") -> object:
    rows = table("version", "state", "reason", whole=["version"])
    for one in found:
        rows.add_row(str(one.version), one.state.name, one.error_message)
    return rows
