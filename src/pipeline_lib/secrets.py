"""Secrets by reference: resolved where they are used, never stored or logged."""

import os
from pathlib import Path

from pipeline_lib.errors import SecretError


def require_reference(text: object) -> str:
    """The text, if it refers to a secret.

    Raises:
        SecretError: It is of neither form; the message never holds the text, which may be the secret.
    """
    if isinstance(text, str):
        kind, _, place = text.partition(":")
        if kind in ("env", "file") and place:
            return text
    raise SecretError(
        "a secret must be given by reference, not in clear",
        needs="env:NAME or file:/path",
        fix="put the value into an environment variable or a file, and name that",
    )


def reveal_secret(reference: str) -> str:
    """The value that a reference stands for.

    Args:
        reference: `env:NAME` or `file:/path` (a trailing newline in the file is dropped).

    Raises:
        SecretError: The reference is of neither form, or there is nothing behind it. The message never
            holds the value.
    """
    kind, _, place = require_reference(reference).partition(":")
    if kind == "env":
        if place not in os.environ:
            raise SecretError(
                f"environment variable {place} is not set", at=f"env:{place}", fix=f"export {place}=..."
            )
        return os.environ[place]
    try:
        return Path(place).read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise SecretError(
            f"the secret's file cannot be read: {error.strerror}",
            at=place,
            fix="check path and permissions",
        ) from error
