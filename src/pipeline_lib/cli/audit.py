"""`pipeline audit`: a signed report about a model, its check, and the key for both."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from typer.core import TyperGroup

from pipeline_lib.cli.console import reported, show
from pipeline_lib.cli.lineage import At, Model, Target
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.errors import LineageQueryError
from pipeline_lib.settings import load_profile


class _Audit(TyperGroup):
    """`pipeline audit 61` is `pipeline audit report 61`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What does not begin with a command's name is about a model."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["report", *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(
    cls=_Audit,
    no_args_is_help=True,
    help="A signed report about a model: `pipeline audit MODEL`, `pipeline audit --at TIME`.",
)

KeyFile = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="The public key to trust (.pub); default: the profile's."),
]


@app.command()
def report(
    model: Model = None,
    at: At = None,
    target: Target = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where the two files go.")
    ] = Path(),
    notes: Annotated[
        Path | None, typer.Option("--notes", metavar="FILE", help="Text for the model card: intended use.")
    ] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Write a model's audit report as a page and as JSON, both signed.

    `pipeline audit MODEL` means the same.
    """
    from pipeline_lib import lineage
    from pipeline_lib.lineage.audit.page import audit_page
    from pipeline_lib.lineage.audit.report import audit_report
    from pipeline_lib.lineage.audit.sealing import sealed_json, sealed_page
    from pipeline_lib.metadata.mlmd import open_store

    settings = load_profile(profile)
    with reported(as_json=as_json):
        text = _notes(notes)
        with open_store(settings.metadata) as store:
            found = lineage.explain(store, lineage.Subject.parsed(model, at=at, target=target))
        content = audit_report(found, notes=text)
        key = settings.audit.key
        files = {
            f"audit-model-{found.model.id}.html": sealed_page(audit_page(content), key),
            f"audit-model-{found.model.id}.json": sealed_json(content, key),
        }
        written = _write(output, files)
    show(
        {"model": found.model.id, "files": written},
        as_json=as_json,
        render=lambda: Text("\n".join(written)),
    )


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A report, HTML or JSON.")],
    key: KeyFile = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Check that a report is as it was signed, by the key that is trusted."""
    from pipeline_lib.lineage.audit.sealing import verify_file
    from pipeline_lib.lineage.audit.signing import public_key

    with reported(as_json=as_json):
        settings = load_profile(profile) if key is None else None
        audit = None if settings is None else settings.audit
        trusted = public_key(
            None if audit is None else audit.key, key or (None if audit is None else audit.public_key)
        )
        found = verify_file(file, trusted)
    show(
        {name: value for name, value in asdict(found).items() if name != "report"},
        as_json=as_json,
        render=lambda: Text(f"{file} is as it was signed by {found.key[:16]}", style="green"),
    )


@app.command("key")
def make_key(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Of the private key; PATH.pub is the other.")],
    as_json: AsJson = False,
) -> None:
    """Make a key that signs reports; keep it as you keep passwords."""
    from pipeline_lib.lineage.audit import signing

    with reported(as_json=as_json):
        public = signing.make_key(path)
    lines = [
        f"{path} signs; {path}.pub verifies, give it to whoever reads reports",
        f"in the profile: audit: {{key: 'file:{path.absolute()}'}}",
    ]
    show(
        {"key": str(path), "public_key": f"{path}.pub", "public_key_hex": public},
        as_json=as_json,
        render=lambda: Text("\n".join(lines)),
    )


def _notes(file: Path | None) -> str:
    try:
        return "" if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LineageQueryError("the notes cannot be read", at=str(file), fix="give a text file") from error


def _write(output: Path, files: dict[str, bytes]) -> Sequence[str]:
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (output / name).write_bytes(content)
    except OSError as error:
        raise LineageQueryError(
            f"the report cannot be written: {error.strerror}",
            at=str(output),
            fix="name a directory that you may write to",
        ) from error
    return [str(output / name) for name in files]
