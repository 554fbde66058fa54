"""The driver of `load`."""

import hashlib
from pathlib import Path


def find(parameters):
    file = Path(parameters["source"])
    return {"files": [{"name": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}]}
