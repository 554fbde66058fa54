"""One project, many small edits: which of them give a node another cache key."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.caching import cache_key, heavy_modules, key_parts, node_code
from pipeline_lib.caching.finder import python_version
from pipeline_lib.errors import CodeNotFoundError, DependencyNotFoundError
from pipeline_lib.metadata.records import StoredArtifact
from pipeline_lib.plan.models import CachePolicy, CodeRef, Node, Options
from pipeline_lib.plan.reading import read_plan

PROJECT = {
    "README.md": "# Delays\n",
    "dags/delays/__init__.py": '"""Late flights."""\n',
    "dags/delays/steps.py": "from typing import TYPE_CHECKING\n"
    "from delays.scaling import scale\n"
    "if TYPE_CHECKING:\n    from delays.only_types import Row\n"
    "def train(steps: int = 5):\n    from delays._executor import run\n    return run(scale)\n"
    "def ingest(): ...\n",
    "dags/delays/_executor.py": "from importlib import import_module\nfakelib = import_module('fakelib')\n"
    "run = import_module('delays.plugin')\n",
    "dags/delays/plugin.py": "x = 1\n",
    "dags/delays/scaling/__init__.py": "from .linear import scale\nfrom .charts import plot\n",
    "dags/delays/scaling/linear.py": "from ..constants import FACTOR\nscale = FACTOR\n",
    "dags/delays/scaling/charts.py": "plot = 1\n",
    "dags/delays/constants.py": "FACTOR = 2\n",
    "dags/delays/drive.py": "from delays.spans import find\n",
    "dags/delays/spans.py": "find = 1\n",
    "dags/delays/model.py": "import delays.losses as losses\n",
    "dags/delays/losses.py": "loss = 1\n",
    "dags/delays/only_types.py": "Row = int\n",
    "dags/delays/unrelated.py": "y = 1\n",
    "dags/delays/words/en.txt": "one\n",
    "dags/delays/words/de.txt": "eins\n",
    "dags/delays/named.py": "z = 1\n",
    "dags/tables/airports.csv": "JFK\n",
    "dags/delays/calendar.csv": "2013-12-25\n",
    "dags/delays/rules/__init__.py": "",
    "dags/delays/rules/first.py": "from delays import by_a_rule\n",
    "dags/delays/by_a_rule.py": "w = 1\n",
    "site/fakelib/__init__.py": "",
    "site/fakelib-1.0.dist-info/RECORD": "fakelib/__init__.py,,0\n",
    "site/fakelib-1.0.dist-info/METADATA": "Name: fakelib\n",
    "site/otherlib-1.0.dist-info/RECORD": "otherlib/__init__.py,,0\n",
}


class Project:
    """The files of `PROJECT`, and a node of it that a test may change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.node: dict[str, Any] = {"id": "train", "user_modules": ("module",)}
        self.cache: dict[str, Any] = {
            "depends_on": ("words", "delays.named", "tables", "delays.rules", "calendar.csv"),
            "ignore": ("verbose",),
        }
        self.options: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {
            "module": "delays.model",
            "steps": 5,
            "hidden": [64, 32],
            "rates": {"a": 0.1, "b": 0.2},
            "verbose": True,
        }
        self.digests = ["d1", "d2"]
        self.uri = "file:///artifacts"
        for name, text in PROJECT.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def move(self, name: str, target: str) -> None:
        (self.root / target).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).rename(self.root / target)

    def made_node(self) -> Node:
        settings = {
            "code": CodeRef(module="delays.steps", qualname="train"),
            "driver": CodeRef(module="delays.drive", qualname="find"),
            **self.node,
        }
        return Node(options=Options(cache=CachePolicy(**self.cache), **self.options), **settings)

    def key(self) -> str:
        node = self.made_node()
        code = node_code(node, self.parameters, [self.root / "dags", self.root / "site"], self.root / "state")
        artifacts = [
            StoredArtifact(
                id=abs(hash((self.uri, d))) % 1000,
                type_name="Examples",
                uri=f"{self.uri}/{d}",
                digest=d,
                created_at=datetime.now(UTC),
            )
            for d in self.digests
        ]
        return cache_key(key_parts(node, code, self.parameters, {"examples": artifacts}))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


Edit = Callable[[Project], Any]


def edits(name: str, text: str = "x = 99\n") -> Edit:
    return lambda project: project.write(name, text)


def gives(**parameters: Any) -> Edit:
    return lambda project: project.parameters.update(parameters)


FLIPS: dict[str, Edit] = {
    "the component's module": edits("dags/delays/steps.py", PROJECT["dags/delays/steps.py"] + "x = 1\n"),
    "a comment in it": edits("dags/delays/steps.py", PROJECT["dags/delays/steps.py"] + "# why\n"),
    "a default value in it": edits(
        "dags/delays/steps.py", PROJECT["dags/delays/steps.py"].replace("int = 5", "int = 6")
    ),
    "another component of its module": edits(
        "dags/delays/steps.py", PROJECT["dags/delays/steps.py"].replace("ingest()", "ingest(x)")
    ),
    "the private executor, imported in the body": edits("dags/delays/_executor.py"),
    "a module imported by its literal name": edits("dags/delays/plugin.py"),
    "a re-exported name's source": edits("dags/delays/scaling/linear.py"),
    "a module two imports away": edits("dags/delays/constants.py", "FACTOR = 3\n"),
    "where a re-exported name comes from": edits(
        "dags/delays/scaling/__init__.py", "from .charts import plot as scale\n"
    ),
    "what a re-exported name is": edits(
        "dags/delays/scaling/__init__.py",
        PROJECT["dags/delays/scaling/__init__.py"].replace("import scale", "import offset as scale"),
    ),
    "a literal over a re-exported name": edits(
        "dags/delays/scaling/__init__.py", PROJECT["dags/delays/scaling/__init__.py"] + "scale = 3\n"
    ),
    "a parent package that does something": edits("dags/delays/__init__.py", "import os\nos.umask(0)\n"),
    "the driver": edits("dags/delays/drive.py"),
    "what the driver imports": edits("dags/delays/spans.py"),
    "the user's module": edits("dags/delays/model.py"),
    "what the user's module imports": edits("dags/delays/losses.py"),
    "a file depended on": edits("dags/delays/words/en.txt"),
    "a file more in a directory depended on": edits("dags/delays/words/fr.txt"),
    "a file renamed in a directory depended on": lambda p: p.move(
        "dags/delays/words/en.txt", "dags/delays/words/us.txt"
    ),
    "a module depended on": edits("dags/delays/named.py"),
    "a directory depended on that could be a namespace package": edits("dags/tables/airports.csv"),
    "a file depended on that is named like a module of Python's": edits("dags/delays/calendar.csv"),
    "a module of a package depended on": edits("dags/delays/rules/first.py"),
    "a new module of a package depended on": edits("dags/delays/rules/second.py"),
    "what a module of a package depended on imports": edits("dags/delays/by_a_rule.py"),
    "a data file of a package depended on": edits("dags/delays/rules/table.json"),
    "a module that shadows another": edits("dags/fakelib.py"),
    "the installed version": lambda p: p.move("site/fakelib-1.0.dist-info", "site/fakelib-1.1.dist-info"),
    "a parameter's value": gives(steps=6),
    "a parameter's type": gives(steps=5.0),
    "a number as text": gives(steps="5"),
    "the order of a list": gives(hidden=[32, 64]),
    "a parameter more": gives(extra=None),
    "a parameter less": lambda p: p.parameters.pop("steps"),
    "another user's module": gives(module="delays.losses"),
    "an input's content": lambda p: setattr(p, "digests", ["d1", "d3"]),
    "the order of inputs": lambda p: setattr(p, "digests", ["d2", "d1"]),
    "an input less": lambda p: setattr(p, "digests", ["d1"]),
    "the author's version": lambda p: p.cache.update(version=1),
    "another component": lambda p: p.node.update(code=CodeRef(module="delays.steps", qualname="ingest")),
}

KEEPS: dict[str, Edit] = {
    "nothing": lambda _: None,
    "the README": edits("README.md"),
    "a module nobody imports": edits("dags/delays/unrelated.py"),
    "a new module": edits("dags/delays/new.py"),
    "what only type checkers import": edits("dags/delays/only_types.py"),
    "a name that a facade passes on to others": edits("dags/delays/scaling/charts.py"),
    "one export more in a facade": edits(
        "dags/delays/scaling/__init__.py",
        PROJECT["dags/delays/scaling/__init__.py"] + "from .new import other\n",
    ),
    "a docstring of a parent package": edits("dags/delays/__init__.py", '"""Other words."""\n'),
    "byte code": edits("dags/delays/words/__pycache__/x.pyc"),
    "a distribution nobody imports": lambda p: p.move(
        "site/otherlib-1.0.dist-info", "site/otherlib-2.0.dist-info"
    ),
    "the order of a dict": gives(rates={"b": 0.2, "a": 0.1}),
    "an ignored parameter": gives(verbose=False),
    "times of files": lambda p: os.utime(p.root / "dags/delays/model.py", (1, 1)),
    "the node's id": lambda p: p.node.update(id="train_2", description="again"),
    "Beam's options": lambda p: p.options.update(beam={"runner": "FlinkRunner", "parallelism": 8}),
    "retries, time-outs, pools": lambda p: p.options.update(
        retries=3, timeout_seconds=60.0, pool="gpu", cpus=4.0
    ),
    "the time to live": lambda p: p.cache.update(max_age_seconds=60.0),
    "the place of the artifacts": lambda p: setattr(p, "uri", "s3://elsewhere"),
}


@pytest.mark.parametrize("edit", FLIPS.values(), ids=FLIPS.keys())
def test_what_can_change_the_result_changes_the_key(project: Project, edit: Edit) -> None:
    before = project.key()
    edit(project)
    assert project.key() != before


@pytest.mark.parametrize("edit", KEEPS.values(), ids=KEEPS.keys())
def test_what_cannot_change_the_result_keeps_the_key(project: Project, edit: Edit) -> None:
    before = project.key()
    edit(project)
    assert project.key() == before


def test_an_edit_undone_gives_the_old_key(project: Project) -> None:
    before = project.key()
    project.write("dags/delays/losses.py", "loss = 2\n")
    between = project.key()
    project.write("dags/delays/losses.py", PROJECT["dags/delays/losses.py"])
    assert project.key() == before != between


def test_the_key_is_the_same_wherever_the_project_lies(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.root, tmp_path / "another machine/project")
    moved = Project(tmp_path / "another machine/project")
    assert moved.key() == project.key()


def test_a_user_s_file_counts_alike_wherever_it_lies(project: Project, tmp_path: Path) -> None:
    keys = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "mine.py").write_text("import beside")
        (tmp_path / place / "beside.py").write_text("x = 1")
        project.parameters["module"] = str(tmp_path / place / "mine.py")
        keys.append(project.key())
    assert keys[0] == keys[1]
    (tmp_path / "two/beside.py").write_text("x = 2")
    assert project.key() != keys[1]


def test_a_user_s_file_below_an_import_path_is_named_from_there(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    project.parameters["module"] = "dags/delays/model.py"
    code = node_code(project.made_node(), project.parameters, [project.root / "dags"], None)
    assert code.places == {"dags/delays/model.py": "delays/model.py"}
    assert {"delays/model.py", "delays/losses.py"} <= set(code.files)


def test_what_is_depended_on_may_be_installed(project: Project) -> None:
    project.cache["depends_on"] = ("fakelib",)
    project.node["code"] = CodeRef(module="delays.unrelated", qualname="f")
    code = node_code(project.made_node(), {}, [project.root / "dags", project.root / "site"], None)
    assert code.distributions == {"fakelib": "1.0", "python": python_version()}


def test_light_code_needs_no_host(project: Project) -> None:
    assert (
        heavy_modules(node_code(project.made_node(), project.parameters, [project.root / "dags"], None)) == ()
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"code": CodeRef(module="delays.step", qualname="f")},
            "component of train: there is no module delays.step",
        ),
        (
            {"driver": CodeRef(module="delays.driver", qualname="f")},
            "driver of train: there is no module delays.driver",
        ),
    ],
)
def test_code_that_is_not_there_is_named(project: Project, changes: dict[str, Any], message: str) -> None:
    project.node.update(changes)
    with pytest.raises(CodeNotFoundError, match=message) as caught:
        project.key()
    assert "did you mean delays." in caught.value.fix


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("delays.modle", "user module of train: there is no module delays.modle"),
        ("nowhere/mine.py", "user module of train: there is no file nowhere/mine.py"),
    ],
)
def test_a_user_s_module_that_is_not_there_is_named(project: Project, module: str, message: str) -> None:
    project.parameters["module"] = module
    with pytest.raises(CodeNotFoundError, match=message):
        project.key()


def test_what_is_depended_on_may_be_linked_in(project: Project, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/fr.txt").write_text("un")
    (project.root / "dags/delays/words/shared").symlink_to(tmp_path / "shared")
    (tmp_path / "shared/up").symlink_to(project.root / "dags/delays/words")
    before = project.key()
    (tmp_path / "shared/fr.txt").write_text("deux")
    assert project.key() != before


def test_a_dependency_that_is_part_of_python_is_known(project: Project) -> None:
    project.cache["depends_on"] = ("calendar",)
    assert "calendar.py" not in node_code(project.made_node(), {}, [project.root / "dags"], None).files


def test_a_dependency_that_is_not_there_is_named(project: Project) -> None:
    project.cache["depends_on"] = ("wordz",)
    with pytest.raises(DependencyNotFoundError, match="train depends on wordz"):
        project.key()


def test_a_file_that_cannot_be_read_is_named(project: Project) -> None:
    (project.root / "dags/delays/words/lost.txt").symlink_to(project.root / "nowhere")
    with pytest.raises(CodeNotFoundError, match="the code of train cannot be read") as caught:
        project.key()
    assert caught.value.at is not None
    assert "nowhere" in caught.value.at


def test_the_template_of_a_report_counts() -> None:
    node = read_plan(Path("tests/unit/golden/flight_delays.json")).node("evaluate")
    found = node_code(node, {}, [Path("dags")], None)
    assert {"report.html.j2", "pipeline_components/evaluate/_report.py"} <= set(found.files)


def test_many_nodes_may_be_scanned_at_once(project: Project) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: project.key(), range(32)))
    assert len(set(keys)) == 1
