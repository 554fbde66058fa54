"""What a SavedModel directory must hold to be loadable."""

import re
from pathlib import Path

from pipeline_components.errors import NotServableError
from pipeline_lib.serving.base_path.content import SAVED_MODEL

_SHARD = re.compile(r"(?P<stem>.+\.data)-(?P<index>\d{5})-of-(?P<count>\d{5})$")
# A SavedModel message starts with its schema version (field 1) or a graph (field 2).
_FIRST_BYTES = (0x08, 0x12)


def require_complete(directory: Path) -> None:
    """Check, without TensorFlow, that a server could load a directory.

    Raises:
        NotServableError: `saved_model.pb` or a shard of the variables is missing or is no such file.
    """
    file = directory / SAVED_MODEL
    if not file.is_file():
        raise NotServableError(
            "the model has no SavedModel to serve",
            at=str(file),
            fix="write one to Format-Serving/ in training",
        )
    with file.open("rb") as opened:
        first = opened.read(1)
    if not first or first[0] not in _FIRST_BYTES:
        raise NotServableError(
            f"{SAVED_MODEL} is not a SavedModel", at=str(file), fix="train the model again"
        )
    variables = directory / "variables"
    if variables.is_dir() and any(variables.iterdir()):
        _require_shards(variables)


def _require_shards(variables: Path) -> None:
    found = [match for match in (_SHARD.match(path.name) for path in variables.iterdir()) if match]
    present = {int(match["index"]) for match in found}
    expected = int(found[0]["count"]) if found else 1
    if not (variables / "variables.index").is_file() or present != set(range(expected)):
        raise NotServableError(
            "the SavedModel's variables are incomplete",
            needs=f"variables.index and {expected} data files",
            got=", ".join(sorted(path.name for path in variables.iterdir())),
            at=str(variables),
            fix="train the model again",
        )
