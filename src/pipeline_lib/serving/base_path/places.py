"""Where base paths are: on this machine's file systems, or where fsspec reads."""

from pathlib import Path, PurePosixPath

import fsspec

from pipeline_lib.serving.base_path.bases import VersionBase
from pipeline_lib.serving.base_path.local import LocalBase


def open_base(base: str) -> VersionBase:
    """The base path of one model, local or remote."""
    if is_remote(base):
        from pipeline_lib.serving.base_path.remote import RemoteBase

        return RemoteBase(base)
    return LocalBase(Path(base.removeprefix("file://")))


def models_below(root: str) -> list[str]:
    """Names of the models on a base path, local or remote, in order."""
    if is_remote(root):
        files, directory = fsspec.core.url_to_fs(root)
        if not files.exists(directory):
            return []
        entries = files.ls(directory, detail=True)
        found = [PurePosixPath(one["name"]).name for one in entries if one["type"] == "directory"]
    else:
        local = Path(root.removeprefix("file://"))
        found = [path.name for path in local.iterdir() if path.is_dir()] if local.is_dir() else []
    return sorted(name for name in found if not name.startswith("."))


def is_remote(url: str) -> bool:
    """Whether a URL names something else than a directory of this machine."""
    return "://" in url and not url.startswith("file://")
