"""Options that several commands share, and how their values are read."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Annotated

import typer

from pipeline_lib.cli import completion
from pipeline_lib.errors import RunParameterError

ProfileName = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        envvar="PIPELINE_PROFILE",
        help="A file in configs/, without `.yaml`; default: local.",
        autocompletion=completion.profile_names,
    ),
]
PipelineName = Annotated[
    str,
    typer.Argument(metavar="PIPELINE", help="Its name.", autocompletion=completion.pipeline_names),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        help="A run parameter; repeat for more.",
        autocompletion=completion.parameter_names,
    ),
]


def parameter_texts(given: Sequence[str] | None) -> dict[str, str]:
    """`["day=2013-06-01"]` as a mapping.

    Raises:
        RunParameterError: An item has no `=`, or a name is given twice.
    """
    texts: dict[str, str] = {}
    for item in given or ():
        name, equals, text = item.partition("=")
        if not equals or not name:
            raise RunParameterError(
                f"{item!r} is no run parameter",
                needs="NAME=VALUE",
                fix=f"write --param {name or 'NAME'}=VALUE",
            )
        if name in texts:
            raise RunParameterError(f"{name} is given twice", fix="give it once")
        texts[name] = text
    return texts


def date_range(text: str) -> Iterator[date]:
    """The days of `2013-06-01:2013-06-07`, both ends included.

    Raises:
        RunParameterError: The text is no range of ISO dates.
    """
    first, _, last = text.partition(":")
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError as error:
        raise RunParameterError(
            f"{text!r} is no range of days", needs="2013-06-01:2013-06-07", fix="give two ISO dates"
        ) from error
    if end < start:
        raise RunParameterError(f"{text!r} ends before it starts", fix="give the earlier day first")
    for offset in range((end - start).days + 1):
        yield start + timedelta(days=offset)
