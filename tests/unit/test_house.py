"""The house rules that no linter knows: sizes, names, layout, dependencies, weight of imports.

A rule that fails names the file and what to do. The lists here only shrink or grow on purpose.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SOURCES = [
    path.relative_to(ROOT)
    for folder in ("src", "components", "dags")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
TESTS = [path.relative_to(ROOT) for path in sorted((ROOT / "tests").rglob("*.py"))]

TOP_LEVEL = {
    "LICENSE",
    "Makefile",
    "README.md",
    "components",
    "configs",
    "dags",
    "docker",
    "docs",
    "mkdocs.yml",
    "pyproject.toml",
    "requirements.lock",
    "src",
    "tests",
}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "misc"}
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
HEAVY = {"airflow", "apache_beam", "ml_metadata", "numpy", "pandas", "pyarrow", "tensorflow", "keras"}

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DEPENDENCIES = [
    Requirement(line)
    for group in [
        PYPROJECT["project"]["dependencies"],
        *PYPROJECT["project"]["optional-dependencies"].values(),
    ]
    for line in group
]


def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring aside: a long explanation is welcome."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


# --- sizes and names ------------------------------------------------------------------------------------


def test_modules_are_short() -> None:
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in SOURCES}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_functions_are_short() -> None:
    long = {
        f"{path}:{function.lineno} {function.name}": code_lines(function)
        for path in SOURCES
        for function in functions(tree(path))
        if code_lines(function) > LONGEST_FUNCTION
    }
    assert long == {}


def test_no_module_has_a_vague_name() -> None:
    assert [str(path) for path in SOURCES + TESTS if VAGUE_NAMES & set(path.with_suffix("").parts)] == []


def test_every_module_says_what_it_is() -> None:
    assert [str(path) for path in SOURCES if not ast.get_docstring(tree(path))] == []


def test_nothing_is_marked_unfinished() -> None:
    found = [
        f"{path}:{number}"
        for path in SOURCES + TESTS
        for number, line in enumerate((ROOT / path).read_text().splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert found == []


# --- no logic in __init__.py ----------------------------------------------------------------------------


def is_wiring(node: ast.stmt) -> bool:
    """Whether a statement may stand in an `__init__.py`: docstring, imports, names, the lazy look-up."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name in {"__all__", "__version__"} or re.fullmatch(r"_[A-Z_]+", name) is not None
        case ast.FunctionDef(name="__getattr__" | "__dir__"):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=[]):
            return all(map(is_wiring, body))
    return False


def test_init_modules_hold_no_logic() -> None:
    logic = [
        f"{path}:{node.lineno}"
        for path in SOURCES
        if path.name == "__init__.py"
        for node in tree(path).body
        if not is_wiring(node)
    ]
    assert logic == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("if DEBUG:\n    import logging", id="condition"),
        pytest.param("def load(): ...", id="function"),
        pytest.param("class Model: ...", id="class"),
        pytest.param("registry = {}", id="state"),
        pytest.param("connect()", id="call"),
    ],
)
def test_logic_is_recognised(source: str) -> None:
    assert not all(map(is_wiring, ast.parse(source).body))


# --- layout ---------------------------------------------------------------------------------------------


def test_top_level_holds_only_what_was_agreed() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - TOP_LEVEL == set()


def modules_and_tests() -> dict[str, Path]:
    """`artifacts/manifest.py` -> `tests/unit/artifacts/test_manifest.py`, for each module of the library."""
    library = Path("src/pipeline_lib")
    modules = [path.relative_to(library) for path in SOURCES if path.is_relative_to(library)]
    return {
        path.as_posix(): Path("tests/unit") / path.parent / f"test_{path.stem.lstrip('_')}.py"
        for path in modules
        if path.name not in {"__init__.py", "__main__.py"}
    }


def test_each_module_has_its_test_file() -> None:
    expected = modules_and_tests()
    without = {module: str(test) for module, test in expected.items() if not (ROOT / test).exists()}
    assert without == {}, "write these test files"


def test_each_data_file_of_a_component_enters_its_key() -> None:
    """No scan of imports sees a template: without `depends_on` an edit of it would change nothing."""
    data = [
        path
        for path in (ROOT / "components").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and path.name != "py.typed"
    ]
    assert data
    unseen = [
        str(path.relative_to(ROOT))
        for path in data
        if not any(
            re.search(rf'depends_on=\([^)]*"{re.escape(path.name)}"', module.read_text())
            for module in path.parent.glob("*.py")
        )
    ]
    assert unseen == [], "name these in the component's Cache(depends_on=...)"


# --- dependencies ---------------------------------------------------------------------------------------


def test_lock_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert re.findall(r"://|--(?:extra-)?index-url|--find-links", lock) == []


def test_lock_satisfies_each_dependency() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==(\S+) \\$", lock, re.MULTILINE))
    unmet = [
        str(requirement)
        for requirement in DEPENDENCIES
        if not requirement.specifier.contains(
            locked.get(canonicalize_name(requirement.name), ""), prereleases=True
        )
    ]
    assert unmet == [], "run `make lock`"


def test_lock_hashes_every_package() -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_each_dependency_has_its_reason() -> None:
    page = (ROOT / "docs/dependencies.md").read_text()
    explained = re.findall(r"^\| `([\w-]+)`", page, re.MULTILINE)
    assert sorted(explained) == sorted({canonicalize_name(requirement.name) for requirement in DEPENDENCIES})


def imported(path: Path) -> set[str]:
    """First parts of the names of the modules that a file imports, wherever it does."""
    names = [
        alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.level == 0)
        for alias in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
    ]
    return {name.partition(".")[0] for name in names}


def test_each_import_is_a_dependency() -> None:
    ours = {
        "pipeline_lib",
        "pipeline_components",
        *(path.parts[1] for path in SOURCES if path.parts[0] == "dags"),
    }
    providers = packages_distributions() | {
        "airflow": ["apache-airflow"],
        "google": ["protobuf"],
        "pydantic_core": ["pydantic"],
    }
    declared = {canonicalize_name(requirement.name) for requirement in DEPENDENCIES}
    undeclared = {
        f"{path}: {name}"
        for path in SOURCES
        for name in imported(path) - sys.stdlib_module_names - ours - {""}
        if not declared & {canonicalize_name(provider) for provider in providers.get(name, [])}
    }
    assert undeclared == set()


# --- weight of imports ----------------------------------------------------------------------------------


PIPELINES = [".".join(path.with_suffix("").parts[1:]) for path in SOURCES if path.match("dags/*/pipeline.py")]


@pytest.mark.parametrize("module", ["pipeline_lib", "pipeline_components", *PIPELINES])
def test_authoring_is_light(module: str) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'dags')!r})\n"
        f"from {module} import *\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []


def test_whoever_reads_parquet_or_ipc_closes_the_hole_in_pyarrow() -> None:
    """CVE-2023-47248: reading a hostile file runs code unless pyarrow_hotfix was imported before."""
    reading = re.compile(r"^\s*import pyarrow\.(parquet|ipc|feather|dataset)\b|\bpa\.ipc\b", re.MULTILINE)
    open_to_it = [
        str(path)
        for path in SOURCES
        if reading.search(text := (ROOT / path).read_text()) and "import pyarrow_hotfix" not in text
    ]
    assert not open_to_it, "import pyarrow_hotfix beside pyarrow in these"


def test_nothing_that_was_read_is_run() -> None:
    """No artifact, profile or request is unpickled, evaluated or loaded as code."""
    runs_what_it_reads = re.compile(
        r"\bpickle\.loads?\(|\bdill\.loads?\(|\byaml\.(unsafe_|full_)?load\(|\bnp\.load\(|\bread_pickle\("
        r"|\bload_model\(|(?<![\w.])(eval|exec)\("
    )
    found = [str(path) for path in SOURCES if runs_what_it_reads.search((ROOT / path).read_text())]
    assert not found
