"""A notifier that writes into a file."""

from pathlib import Path
from typing import Any

from airflow.sdk import BaseNotifier


class FileNotifier(BaseNotifier):
    """Appends a line.

    Args:
        file: Where to.
        text: What; a template.
    """

    template_fields = ("text",)

    def __init__(self, *, file: str, text: str) -> None:
        super().__init__()
        self.file = file
        self.text = text

    def notify(self, context: Any) -> None:
        """Write the text."""
        del context
        with Path(self.file).open("a") as told:
            told.write(f"{self.text}\n")
