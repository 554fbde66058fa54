"""A copy of the project in `shop/` that a test edits, and what the command says and does about it."""

import importlib
import os
import shutil
import site
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.runtime.bytecode import forget_doubtful
from unit.cli.command import Command

ROOT = Path(__file__).parents[2]
PRISTINE = Path(__file__).parent / "shop"
GIVEN = {"source": "data/numbers.csv", "schema": "data/schema.pbtxt"}
PROFILE = """
import_paths: [code, site]
environments: {other: envs/other/bin/python}
parallelism: 4
"""


@dataclass(frozen=True)
class Ran:
    """What became of a run.

    Attributes:
        outcomes: By node.
        numbers: What was put out, by node; pages and schemas left out.
    """

    outcomes: Mapping[str, str]
    numbers: Mapping[str, float]

    def of(self, outcome: str) -> set[str]:
        """The nodes that ended so."""
        return {node for node, found in self.outcomes.items() if found == outcome}


class Shop:
    """The project, in which the command is called in this process.

    Attributes:
        folder: Where it is.
        given: The run parameters, as texts.
    """

    def __init__(self, folder: Path, host_directory: Path) -> None:
        self.folder = folder
        self.given = dict(GIVEN)
        self._host = f"host: {{directory: {host_directory}}}\n"
        self._command = Command(folder)
        self._texts: dict[Path, bytes] = {}
        self._lay()

    def _lay(self) -> None:
        shutil.copytree(
            PRISTINE, self.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
        components = ROOT / "components/pipeline_components"
        shutil.copytree(
            components, self.folder / "code/pipeline_components", ignore=shutil.ignore_patterns("__pycache__")
        )
        self._lay_environment()
        self.profile()
        self._texts = {
            path: path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_symlink() and "pycache" not in str(path)
        }

    def _lay_environment(self) -> None:
        """Another interpreter, made of this one: its packages are these."""
        other = self.folder / "envs/other"
        packages = other / f"lib/python{sysconfig.get_python_version()}/site-packages"
        packages.mkdir(parents=True)
        (other / "bin").mkdir()
        (other / "bin/python").symlink_to(sys.executable)
        (other / "pyvenv.cfg").write_text(
            f"home = {Path(sys.base_prefix) / 'bin'}\nversion = {sys.version.split()[0]}\n"
        )
        places = [*site.getsitepackages(), ROOT / "src", ROOT / "components"]
        (packages / "these.pth").write_text("".join(f"{place}\n" for place in places))

    def profile(self, more: str = "") -> None:
        """Write the profile, with more lines than it has."""
        (self.folder / "configs").mkdir(exist_ok=True)
        (self.folder / "configs/local.yaml").write_text(PROFILE + self._host + more)

    def write(self, name: str, text: str) -> None:
        """Write a file anew."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        text = (self.folder / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        (self.folder / name).write_text(text.replace(old, new))

    def restore(self) -> None:
        """Undo every edit."""
        self.given = dict(GIVEN)
        for path in [*self.folder.glob("code/**/*"), *self.folder.glob("site/**/*")]:
            if path.is_file() and path not in self._texts and "pycache" not in str(path):
                path.unlink()
        for path, content in self._texts.items():
            if not path.exists() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        for folder in self.folder.glob("site/*.dist-info"):
            if not any(folder.iterdir()):
                folder.rmdir()

    def plan(self) -> dict[str, dict[str, Any]]:
        """What `pipeline plan --json` says, by node."""
        return {found["key"]: found for found in self._asked("plan")}

    def run(self) -> Ran:
        """What `pipeline run --json` says."""
        nodes = self._asked("run")["nodes"]
        numbers = {}
        for node in nodes:
            for artifact in (artifact for artifacts in node["outputs"].values() for artifact in artifacts):
                file = Path(artifact["uri"], "number.txt")
                numbers |= {node["node"]: float(file.read_text())} if file.exists() else {}
        return Ran({node["node"]: node["outcome"] for node in nodes}, numbers)

    def _asked(self, word: str) -> Any:
        for name in [name for name in sys.modules if name.partition(".")[0] in {"shop", "lockedlib"}]:
            del sys.modules[name]
        importlib.invalidate_caches()
        forget_doubtful(map(str, self.folder.glob("code/shop/**/*.py")))
        given = [text for name, value in self.given.items() for text in ("-p", f"{name}={value}")]
        return self._command.json(word, "shop", *given)


Edit = Callable[[Shop], object]


def edits(name: str, old: str, new: str) -> Edit:
    """In a file of the project."""
    return lambda shop: shop.edit(name, old, new)


def adds(name: str, text: str) -> Edit:
    """At the end of a file, or a file of its own."""

    def add(shop: Shop) -> None:
        before = (shop.folder / name).read_text() if (shop.folder / name).exists() else ""
        shop.write(name, before + text)

    return add


def gives(**given: str) -> Edit:
    """Other run parameters."""
    return lambda shop: shop.given.update(given)


def moves(name: str, target: str) -> Edit:
    """A file or folder gets another name."""

    def move(shop: Shop) -> None:
        (shop.folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(shop.folder / name, shop.folder / target)

    return move


def touches(name: str) -> Edit:
    """A file gets another time."""
    return lambda shop: os.utime(shop.folder / name, (1, 1))


def both(*parts: Edit) -> Edit:
    """Several edits at once."""

    def edit(shop: Shop) -> None:
        for part in parts:
            part(shop)

    return edit


def with_profile(more: str) -> Edit:
    """Another profile."""
    return lambda shop: shop.profile(more)


def told(forecast: Mapping[str, Any]) -> str:
    """All that a person reads about a node."""
    return "\n".join([forecast["reason"], *forecast["detail"]])
