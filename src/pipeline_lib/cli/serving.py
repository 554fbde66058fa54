"""`pipeline serve` and `pipeline serving`: the local model server, and what is live."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pipeline_lib.cli import canary, deployments
from pipeline_lib.cli.console import out, print_json, reported
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.cli.quiet import hush_imports
from pipeline_lib.errors import ServerSettingsError
from pipeline_lib.serving.versions import All, Latest, ModelConfig, Specific, VersionPolicy
from pipeline_lib.settings import load_profile

app = typer.Typer(help="What is live, and changing it.", no_args_is_help=True, callback=hush_imports)
app.command()(deployments.status)
app.command()(deployments.history)
app.command()(deployments.rollback)
app.command()(deployments.promote)
app.command()(canary.canary)
app.command()(canary.abort)
app.command()(deployments.unblock)
app.command()(deployments.heal)
app.command()(deployments.start)
app.command()(deployments.stop)

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        help="TensorFlow Serving's, instead of --model and --base-path.", exists=True, dir_okay=False
    ),
]
BatchingFile = Annotated[
    Path | None,
    typer.Option(help="TensorFlow Serving's; requests are run together.", exists=True, dir_okay=False),
]
SslFile = Annotated[
    Path | None,
    typer.Option(help="TensorFlow Serving's; both interfaces speak TLS.", exists=True, dir_okay=False),
]


def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME", help="A model; repeat for more. Default: all that were pushed."
        ),
    ] = None,
    base_path: Annotated[
        str | None,
        typer.Option(help="Directory or URL of the models; default: serving.base_path of the profile."),
    ] = None,
    rest_port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8501,
    grpc_port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8500,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    version: Annotated[
        list[int] | None, typer.Option("--version", help="Serve this version only; repeat for more.")
    ] = None,
    all_versions: Annotated[bool, typer.Option("--all-versions", help="Serve every version.")] = False,
    poll_seconds: Annotated[float, typer.Option(help="Between two looks at the models.", min=0.05)] = 1.0,
    model_config_file: ConfigFile = None,
    config_poll_seconds: Annotated[
        float, typer.Option(help="Between two looks at that file; 0 reads it once.", min=0.0)
    ] = 0.0,
    batching_parameters_file: BatchingFile = None,
    early_labels: Annotated[
        bool, typer.Option("--early-labels", help="New labels may name versions that are not loaded yet.")
    ] = False,
    ssl_config_file: SslFile = None,
    max_request_mb: Annotated[int, typer.Option(help="Longer requests are refused.", min=1)] = 64,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Serve pushed models on TensorFlow Serving's REST and gRPC interfaces until Ctrl-C."""
    with reported(as_json=as_json):
        # Before the imports, which take seconds.
        policy = _policy(version, all_versions=all_versions)
        hush_imports()
        configs = _configs(model_config_file, base_path, profile, model, policy)
        from pipeline_lib.serving.server.configs import read_batching_file
        from pipeline_lib.serving.server.process import ServerOptions
        from pipeline_lib.serving.server.process import serve as run
        from pipeline_lib.serving.server.tls import read_ssl_file

        options = ServerOptions(
            host=host,
            rest_port=rest_port,
            grpc_port=grpc_port,
            poll_seconds=poll_seconds,
            max_request_bytes=max_request_mb * 2**20,
            batching=read_batching_file(batching_parameters_file) if batching_parameters_file else None,
            tls=read_ssl_file(ssl_config_file) if ssl_config_file else None,
            early_labels=early_labels,
            config_file=model_config_file,
            config_poll_seconds=config_poll_seconds,
        )
        rest = f"{'https' if options.tls else 'http'}://{host}"
        run(configs, options, ready=partial(_tell, configs, rest, host, as_json=as_json))


def _policy(versions: list[int] | None, *, all_versions: bool) -> VersionPolicy:
    if versions:
        return Specific(tuple(versions))
    return All() if all_versions else Latest()


def _configs(
    file: Path | None,
    base_path: str | None,
    profile: str | None,
    named: list[str] | None,
    policy: VersionPolicy,
) -> list[ModelConfig]:
    if file is not None:
        from pipeline_lib.serving.server.configs import read_config_file

        return read_config_file(file)
    root = base_path or load_profile(profile).serving.resolved_base_path()
    base = root if "://" in root else str(Path(root).resolve())
    return [
        ModelConfig(name=name, base_path=f"{base.rstrip('/')}/{name}", policy=policy)
        for name in _models(base, named)
    ]


def _models(root: str, named: list[str] | None) -> list[str]:
    if named:
        return list(dict.fromkeys(named))
    from pipeline_lib.serving.base_path.places import models_below

    models = models_below(root)
    if not models:
        raise ServerSettingsError(
            "no model was pushed yet", at=root, fix="push one, or name the one to wait for with --model"
        )
    return list(models)


def _tell(
    configs: list[ModelConfig], rest: str, grpc: str, rest_port: int, grpc_port: int, *, as_json: bool
) -> None:
    names = [config.name for config in configs]
    rest, grpc = f"{rest}:{rest_port}", f"{grpc}:{grpc_port}"
    if as_json:
        print_json({"models": names, "rest": rest, "grpc": grpc})
    else:
        out.print(f"serving {', '.join(names)}: REST {rest}, gRPC {grpc}; Ctrl-C ends it")
    out.file.flush()
