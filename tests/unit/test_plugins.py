"""Whether Pydantic's plugins are looked for, seen in processes of their own: imports happen once."""

import os
import subprocess
import sys
from pathlib import Path

_PLUGIN = """
def new_schema_validator(*args, **settings):
    return None, None, None

print("the plugin is there")
"""
_COMMAND = """
import sys
from pipeline_lib.__main__ import main
sys.argv = ["pipeline", "run", "--help"]
main()
"""
_CHILD = """
import os
from pipeline_lib import plugins
from pipeline_lib.runtime.environment import child_environment
plugins.look_for_none()
print(os.environ["PYDANTIC_DISABLE_PLUGINS"], child_environment(os.environ).get("PYDANTIC_DISABLE_PLUGINS"))
"""


def _installed(folder: Path) -> Path:
    """A distribution with a plugin for Pydantic."""
    metadata = folder / "loud-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pydantic]\nloud = loud\n")
    (folder / "loud.py").write_text(_PLUGIN)
    return folder


def _said(program: str, **environ: str) -> str:
    given = {name: text for name, text in os.environ.items() if name != "PYDANTIC_DISABLE_PLUGINS"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=given | environ, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_command_looks_for_no_plugins_of_pydantic(tmp_path: Path) -> None:
    path = str(_installed(tmp_path))
    models = "from pipeline_lib.plan import models"
    assert "the plugin is there" in _said(models, PYTHONPATH=path)
    assert "the plugin is there" not in _said(_COMMAND, PYTHONPATH=path)


def test_who_wants_them_says_so(tmp_path: Path) -> None:
    path = str(_installed(tmp_path))
    assert "the plugin is there" in _said(_COMMAND, PYTHONPATH=path, PYDANTIC_DISABLE_PLUGINS="")


def test_a_component_has_them_as_its_environment_says() -> None:
    assert _said(_CHILD).split() == ["__all__", "None"]
    assert _said(_CHILD, PYDANTIC_DISABLE_PLUGINS="1").split() == ["1", "1"]
