"""Edits of a real project: what can change a result is never answered from the cache, what cannot always is.

Each edit is made in a copy of the project in `shop/`, whose pipeline has run before. `pipeline plan` must
announce exactly the nodes that the edit concerns, with the part of the key and the file; `pipeline run` must
execute these, and put out what the edited project would put out without any cache.
"""

import os
import platform
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import pipeline_components.schema  # noqa: F401  ours, before the project's copy can be imported
from integration.shop_project import Edit, Shop, adds, both, edits, gives, moves, told, touches, with_profile
from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.settings import HostSettings

pytestmark = pytest.mark.xdist_group("cache-truth")

BASE = {
    "load": 6.0,
    "scale": 138.25,
    "centre": 72.185,
    "judge": 37.0,
    "share": 3.0,
    "pack": 1006.0,
    "outsource": 13.0,
}
NODES = {*BASE, "print_page", "import_schema"}
AFTER = {"load": {*BASE, "print_page"} - {"load"}, "scale": {"centre"}}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The project, run once."""
    directory = tmp_path_factory.mktemp("host")
    shop = Shop(tmp_path_factory.mktemp("project") / "shop", directory)
    before = list(sys.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shop.folder)
        assert shop.run().numbers == BASE
        yield shop
    sys.path[:] = before
    stop_hosts(HostSettings(directory=directory))


@pytest.fixture
def shop(ran: Shop) -> Iterator[Shop]:
    """The project as it was run; afterwards edits are undone, so that the next test finds the old keys."""
    yield ran
    ran.restore()


@dataclass(frozen=True, kw_only=True)
class Flip:
    """An edit that concerns some nodes.

    Attributes:
        nodes: Exactly those whose key it must change, in themselves.
        part: Of the key, as `pipeline plan --json` calls it.
        named: The file, name, parameter or distribution that it must name.
        puts_out: What differs then from what the project put out before.
    """

    edit: Edit
    nodes: str
    part: str
    named: str
    puts_out: Mapping[str, float] = field(default_factory=dict)


def source(edit: Edit, nodes: str, named: str, **puts_out: float) -> Flip:
    return Flip(edit=edit, nodes=nodes, part="source", named=named, puts_out=puts_out)


def parameter(edit: Edit, nodes: str, named: str, **puts_out: float) -> Flip:
    return Flip(edit=edit, nodes=nodes, part="parameter", named=named, puts_out=puts_out)


def scale(value: float) -> dict[str, float]:
    """What is put out if `scale` puts out that."""
    return {"scale": value, "centre": (6 + value) / 2 + 0.06}


CODE = "code/shop"
MATHS = "code/shop/maths/__init__.py"
OF_NUMBERS = "load scale centre judge share pack outsource"
FLIPS = {
    # --- source -----------------------------------------------------------------------------------------
    "the component's own body": source(
        edits(f"{CODE}/scaling.py", "factor * scaled", "100 + factor * scaled"),
        "scale",
        "shop/scaling.py",
        **scale(238.25),
    ),
    "a helper": source(
        edits(f"{CODE}/tables.py", "USUAL}[", "USUAL + 1}["), "scale", "shop/tables.py", **scale(150.25)
    ),
    "a helper two imports away": source(
        edits(f"{CODE}/constants.py", "10", "11"), "scale", "shop/constants.py", **scale(150.25)
    ),
    "a constant of the module": source(
        edits(f"{CODE}/scaling.py", "BASE = 1", "BASE = 2"), "scale", "shop/scaling.py", **scale(140.25)
    ),
    "a lambda": source(
        edits(f"{CODE}/scaling.py", "start=1", "start=2"), "scale", "shop/scaling.py", **scale(144.25)
    ),
    "a decorator": source(
        edits(f"{CODE}/decorating.py", "round(function(*args), 3)", "-round(function(*args), 3)"),
        "scale",
        "shop/decorating.py",
        **scale(-137.75),
    ),
    "an attribute of a class": source(
        edits(f"{CODE}/options.py", "ClassVar[int] = 1", "ClassVar[int] = 2"),
        "scale",
        "shop/options.py",
        **scale(144.25),
    ),
    "a default value, which is a parameter too": parameter(
        edits(f"{CODE}/options.py", "places: int = 3", "places: int = 4"),
        "scale",
        "options.places",
        **scale(140.25),
    ),
    "a default value of the component": source(
        edits(f"{CODE}/scaling.py", "label: int | str = 5", "label: int | str = 6"),
        "scale",
        "shop/scaling.py",
    ),
    "a parameter's declared type": source(
        edits(f"{CODE}/scaling.py", "factor: int", "factor: float"), "scale", "shop/scaling.py"
    ),
    "an alias of a type": source(
        edits(f"{CODE}/aliases.py", "list[int]", "list[float]"), "scale", "shop/aliases.py"
    ),
    "a comment, for code may read its own source": source(
        adds(f"{CODE}/scaling.py", "# why\n"), "scale", "shop/scaling.py"
    ),
    "a docstring": source(
        edits(f"{CODE}/tables.py", "One import", "Just one import"), "scale", "shop/tables.py"
    ),
    "an artifact class": source(
        edits(f"{CODE}/kinds.py", "value: float", "value: float\n    unit: str = 'one'"),
        f"{OF_NUMBERS} print_page",
        "shop/kinds.py",
    ),
    "a module moved": Flip(
        edit=both(
            moves(f"{CODE}/sharing.py", f"{CODE}/parting.py"),
            edits(f"{CODE}/pipeline.py", "shop.sharing", "shop.parting"),
        ),
        nodes="share",
        part="component",
        named="component",
    ),
    "an import that did not succeed before": source(
        adds(f"{CODE}/local_settings.py", "extra = 1\n"), "pack", "shop/local_settings.py", pack=1007.0
    ),
    "a parent package that does something": source(
        adds(f"{CODE}/__init__.py", "import os\n\nos.umask(0o022)\n"),
        f"{OF_NUMBERS} print_page",
        "shop/__init__.py",
    ),
    # --- names that packages pass on --------------------------------------------------------------------
    "a re-exported name's source": source(
        edits(f"{CODE}/maths/centres.py", "sum(numbers)", "2 * sum(numbers)"),
        "centre",
        "shop/maths/centres.py",
        centre=144.31,
    ),
    "another function under a re-exported name": Flip(
        edit=edits(MATHS, "import mean as average", "import median as average"),
        nodes="centre",
        part="name",
        named="shop/maths/__init__.py:average",
        puts_out={"centre": 138.31},
    ),
    "another way to a re-exported name": Flip(
        edit=edits(
            f"{CODE}/__init__.py", "from shop.maths import", "from shop.maths.centres import median as"
        ),
        nodes="centre",
        part="name",
        named="shop/__init__.py:average",
        puts_out={"centre": 138.31},
    ),
    "an assignment over a re-exported name": source(
        edits(MATHS, "__all__", "average = max\n__all__"), "centre", "shop/maths/__init__.py", centre=138.31
    ),
    "a constant of a package": source(
        edits(f"{CODE}/limits/__init__.py", "0.5", "0.25"), "share", "shop/limits/__init__.py", share=1.5
    ),
    # --- parameters, and what the pipeline's function says ----------------------------------------------
    "the order of a list": parameter(gives(weights="[2, 1]"), "scale", "weights", **scale(136.25)),
    "a parameter's type": parameter(gives(label='"5"'), "scale", "label"),
    "a value in a dict": parameter(gives(rates="{a: 1.5, b: 0.25}"), "scale", "rates.a", **scale(139.25)),
    "a default value of the pipeline": parameter(
        edits(f"{CODE}/pipeline.py", "factor: int = 2", "factor: int = 1"),
        "scale",
        "factor",
        **scale(69.25),
    ),
    "the author's version": Flip(
        edit=both(
            edits(f"{CODE}/pipeline.py", "pack(number)", "pack.options(cache=Cache(version=2))(number)"),
            edits(f"{CODE}/pipeline.py", "import UserModule", "import Cache, UserModule"),
        ),
        nodes="pack",
        part="cache_version",
        named="cache version",
    ),
    "the order of inputs": Flip(
        edit=edits(f"{CODE}/pipeline.py", "[number, scaled]", "[scaled, number]"),
        nodes="centre",
        part="input",
        named="numbers",
        puts_out={"centre": 73.5075},
    ),
    # --- data -------------------------------------------------------------------------------------------
    "one byte of a data file": parameter(
        edits("data/numbers.csv", "3", "4"),
        "load",
        "files.numbers.csv.sha256",
        load=7.0,
        scale=158.25,
        centre=82.695,
        judge=50.0,
        share=3.5,
        pack=1007.0,
        outsource=14.0,
    ),
    "a byte of it that changes no result": parameter(
        adds("data/numbers.csv", "\n"), "load", "files.numbers.csv.sha256"
    ),
    "a data file's name": parameter(
        both(moves("data/numbers.csv", "data/more.csv"), gives(source="data/more.csv")),
        "load",
        "files.0.name",
    ),
    "a schema file": parameter(adds("data/schema.pbtxt", "# curated\n"), "import_schema", "sha256"),
    "the driver that finds data": source(
        edits(f"{CODE}/finding.py", '"name": file.name', '"name": file.stem'), "load", "shop/finding.py"
    ),
    # --- what no scan of imports sees -------------------------------------------------------------------
    "a template beside the body": source(
        edits(f"{CODE}/page.html.j2", "<p>", "<p class='wide'>"), "print_page", "page.html.j2"
    ),
    "a file of a directory": source(adds(f"{CODE}/words/en.txt", "s"), "print_page", "words/en.txt"),
    "a file more in a directory": source(adds(f"{CODE}/words/de.txt", "Zahl"), "print_page", "words/de.txt"),
    "a file named like a module of Python's": source(
        edits(f"{CODE}/calendar.csv", "2013", "2014"), "print_page", "calendar.csv"
    ),
    "the user's module": source(
        edits(f"{CODE}/model.py", "+ 1", "+ 2"), "judge", "shop/model.py", judge=38.0
    ),
    "what the user's module imports": source(
        edits(f"{CODE}/losses.py", "**2", "**3"), "judge", "shop/losses.py", judge=217.0
    ),
    "another module of the user's": parameter(
        gives(module="shop.other_model"), "judge", "module", judge=-6.0
    ),
    # --- what is installed ------------------------------------------------------------------------------
    "a locked version": Flip(
        edit=both(
            moves("site/lockedlib-1.0.dist-info", "site/lockedlib-1.1.dist-info"),
            edits("site/lockedlib/__init__.py", "1000", "2000"),
        ),
        nodes="pack",
        part="distribution",
        named="lockedlib",
        puts_out={"pack": 2006.0},
    ),
    "a module before an installed one": source(
        adds("code/lockedlib.py", "packed = int\n"), "pack", "lockedlib.py", pack=6.0
    ),
    "the components' own source": source(
        adds("code/pipeline_components/schema_files.py", "# mended\n"),
        "import_schema",
        "pipeline_components/schema_files.py",
    ),
    "an environment's version of Python": Flip(
        edit=edits("envs/other/pyvenv.cfg", f"version = {platform.python_version()}", "version = 3.12.1"),
        nodes="outsource",
        part="distribution",
        named="python",
    ),
}


@pytest.mark.parametrize("flip", FLIPS.values(), ids=FLIPS.keys())
def test_an_edit_is_seen_named_and_executed(shop: Shop, flip: Flip) -> None:
    flip.edit(shop)
    concerned = set(flip.nodes.split())
    planned = shop.plan()
    assert {node for node, found in planned.items() if found["verdict"] == "miss"} == first_of(concerned)
    assert {node for node, found in planned.items() if found["verdict"] == "pending"} == after(concerned)
    for node in first_of(concerned):
        changed = {(change["kind"], change["name"]) for change in planned[node]["changes"]}
        assert (flip.part, flip.named) in changed, planned[node]
        assert flip.named.rpartition("/")[2] in told(planned[node]) or flip.part == "component"
    ran = shop.run()
    assert ran.of("complete") >= concerned
    assert ran.of("cached") >= NODES - concerned - after(concerned)
    assert ran.numbers == pytest.approx({**BASE, **flip.puts_out})


def first_of(nodes: set[str]) -> set[str]:
    """Those that read nothing of the others: what follows them cannot be known before they have run."""
    return nodes - after(nodes)


def after(nodes: set[str]) -> set[str]:
    return {later for node in nodes for later in AFTER.get(node, ())}


KEEPS = {
    "nothing": both(),
    "a comment in the README": adds("README.md", "<!-- a comment -->\n"),
    "a module that nobody imports": edits(f"{CODE}/other_model.py", "-value", "+value"),
    "what a package passes on to others": edits(f"{CODE}/unrelated.py", "upper", "lower"),
    "a new module": adds(f"{CODE}/new.py", "x = 1\n"),
    "a docstring of a package that only passes on": edits(MATHS, "Another", "One more"),
    "one export more": adds(f"{CODE}/__init__.py", "from shop.losses import loss\n"),
    "the pipeline's docstring and tags": both(
        edits(f"{CODE}/pipeline.py", "A file's sum", "The sum of a file"),
        edits(f"{CODE}/pipeline.py", '"test"', '"tried"'),
    ),
    "the order of nodes": edits(
        f"{CODE}/pipeline.py",
        "    share(number)\n    pack(number)\n",
        "    pack(number)\n    share(number)\n",
    ),
    "retries, a pool, an owner": edits(
        f"{CODE}/pipeline.py", "share(number)", "share.options(retries=3, pool='small', owner='me')(number)"
    ),
    "the order of a dict": gives(rates="{b: 0.25, a: 0.5}"),
    "a default given in so many words": gives(factor="2", weights="[1, 2]"),
    "another path to the same data": gives(source="code/../data/numbers.csv"),
    "the time of a file": touches(f"{CODE}/scaling.py"),
    "a distribution that nobody imports": adds("site/other-1.0.dist-info/RECORD", "other.py,,0\n"),
    "another runner of Beam": with_profile("beam: {runner: PrismRunner, options: {parallelism: 8}}\n"),
    "another root of artifacts": with_profile("artifacts: {root: elsewhere}\n"),
    "where models are pushed": with_profile("serving: {base_path: away}\n"),
}


@pytest.mark.parametrize("edit", KEEPS.values(), ids=KEEPS.keys())
def test_an_edit_that_changes_no_result_is_answered_from_the_cache(shop: Shop, edit: Edit) -> None:
    edit(shop)
    planned = shop.plan()
    assert {node: found["verdict"] for node, found in planned.items()} == dict.fromkeys(NODES, "hit")
    ran = shop.run()
    assert (ran.of("cached"), ran.numbers) == (NODES, BASE)


def test_nobody_else_reads_what_a_body_printed(shop: Shop) -> None:
    """In the host and in a fresh process of another interpreter alike."""
    modes = {
        log.stem: stat.S_IMODE(log.stat().st_mode) for log in shop.folder.glob(".pipeline/logs/*/*/*.log")
    }
    assert {"load", "outsource"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_another_host_and_user_change_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    for name, value in (("USER", "somebody"), ("LOGNAME", "somebody"), ("TZ", "Asia/Tokyo")):
        monkeypatch.setenv(name, value)
    assert {found["verdict"] for found in shop.plan().values()} == {"hit"}


def test_another_process_in_a_copy_elsewhere_makes_the_same_keys(shop: Shop, tmp_path: Path) -> None:
    """With other hashes of texts, so that no order of a set or dict can have got into a key."""
    copy = Shop(tmp_path / "a copy", tmp_path)
    copy.profile(
        f"metadata: {{url: 'sqlite:///{shop.folder}/.pipeline/metadata.sqlite'}}\n"
        f"artifacts: {{root: {shop.folder}/.pipeline/artifacts}}\n"
    )
    command = [str(Path(sys.executable).with_name("pipeline")), "plan", "shop", "--json"]
    given = [text for name, value in copy.given.items() for text in ("-p", f"{name}={value}")]
    done = subprocess.run(
        command + given,
        cwd=copy.folder,
        env={**os.environ, "PYTHONHASHSEED": "7", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count('"hit"') == len(NODES), done.stdout
