"""Reading schemas that are kept as text."""

from pathlib import Path
from typing import Any


def parse_pbtxt_file(file_name: str, message: Any) -> Any:
    """Fill a protocol buffer message from a text file; returns the message."""
    from google.protobuf import text_format

    return text_format.Parse(Path(file_name).read_text(), message)
