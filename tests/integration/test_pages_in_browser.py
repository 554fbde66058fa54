"""The pages alone, in Debian's chromium: by keyboard, in the dark, on a telephone, on paper, long names."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Page

from integration.browser import browser, served
from pipeline_lib.lineage import Subject, explain
from pipeline_lib.lineage.audit.page import audit_page
from pipeline_lib.lineage.audit.report import audit_report
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, Run, State, StoredArtifact
from pipeline_lib.metadata.store import Store

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("pages")]

PIPELINE, TARGET = "p" * 180, f"/served/{'t' * 180}"
RUN, FILE = f"{PIPELINE}-{'r' * 60}", f"{'f' * 200}.csv"
SHA256 = "5a" * 32
PLACES = (
    "/",
    "/runs",
    f"/runs/{RUN}",
    "/artifacts",
    "/artifacts/{model}",
    "/artifacts/{model}/lineage",
    "/models",
    "/models/{model}",
    "/executions/2",
    "/serving",
    "/compare?before={model}&after={model}",
    f"/impact?of=file:{SHA256}",
    "/search?q=Model",
    "/nothing",
)
A4_PX = 688
"""Between margins of 14 mm."""


def _execute(
    store: Store, node: str, inputs: dict[str, list[StoredArtifact]], made: NewArtifact, **parameters: object
) -> StoredArtifact:
    key = NodeKey(pipeline=PIPELINE, run_id=RUN, node=node)
    new = NewExecution(
        key=key,
        type_name=f"components.{node}",
        cache_key="",
        inputs=inputs,
        parameters=parameters,
        facts={"user": "u" * 120, "git_commit": "c0ffee" * 6 + "abcd", "git_dirty": True},
    )
    return store.complete(store.start(new), key, {"o" * 90: [made]}, {"live_at": None})["o" * 90][0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("long")


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[tuple[str, int]]:
    """The pages of a store whose every name is as long as it may be, and the id of its model."""
    url = f"sqlite:///{folder}/metadata.sqlite"
    (folder / "configs").mkdir()
    profile = {"metadata": {"url": url}, "artifacts": {"root": str(folder / "artifacts")}}
    (folder / "configs/long.yaml").write_text(yaml.safe_dump({"state_dir": str(folder / "state"), **profile}))
    with open_store(url) as store:
        store.open_run(Run(pipeline=PIPELINE, run_id=RUN, state=State.COMPLETE, span="2013-06-14"))
        found = {"files": {"*": [{"name": FILE, "sha256": SHA256, "size": 7}]}}
        new = NewArtifact(type_name="Examples", uri="/e/1", digest="e" * 64, properties={"span": 15_870})
        examples = _execute(store, "i" * 120, {}, new, found=found)
        new = NewArtifact(type_name="Model", uri="/m/1", digest="d" * 64, properties={"note": "n" * 400})
        trained = _execute(store, "t" * 120, {"examples": [examples]}, new, words="w" * 400)
        pushed = {"pushed": True, "pushed_destination": f"{TARGET}/101", "pushed_version": "101"}
        new = NewArtifact(type_name="PushedModel", uri="/p/1", digest="f" * 64, properties=pushed)
        _execute(store, "p" * 120, {"model": [trained]}, new)
        number = trained.id
        found = explain(store, Subject(artifact=number))
        (folder / "report.html").write_text(audit_page(audit_report(found, notes="n" * 300)))
    with served(folder, "long") as address:
        yield address, number


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_cut_off_and_nothing_complains(
    chromium: Browser, model: tuple[str, int], width: int, scheme: str
) -> None:
    address, number = model
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for place in PLACES:
        page.goto(address + place.format(model=number))
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{place} has to be scrolled sideways"
        assert page.evaluate(UNREADABLE) == [], place
    page.close()
    assert [text for text in complaints if "404" not in text] == []


UNREADABLE = """() => {
  const luminance = (rgb) => {
    const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = rgb.map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const painted = (layers) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const found = [];
  for (const element of document.querySelectorAll("main *, header *, footer *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, .unseen, .skip, .rest, iframe")) continue;
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
    const [a, b] = [painted(layers), painted([...layers, getComputedStyle(element).color])].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const told = `${element.tagName} ${element.textContent.trim().slice(0, 30)}: ${contrast.toFixed(2)}`;
    if (contrast < 4.5) found.push(told);
  }
  return found;
}"""
"""Texts whose contrast is below WCAG 2.1's 4.5 to 1 (https://www.w3.org/TR/WCAG21/#contrast-minimum)."""


def _follow(page: Page, wanted: Callable[[str], bool]) -> None:
    """Press Tab until a link that is wanted visibly has the focus, then Enter."""
    for _ in range(150):
        page.keyboard.press("Tab")
        href = page.evaluate("document.activeElement.getAttribute('href') || ''")
        if wanted(href):
            shown = page.evaluate(
                "(({outlineStyle, outlineWidth}) => outlineStyle !== 'none' && outlineWidth !== '0px')"
                "(getComputedStyle(document.activeElement))"
            )
            assert shown, f"nobody sees that {href} has the focus"
            before = page.url
            page.keyboard.press("Enter")
            page.wait_for_function("before => location.href !== before", arg=before)
            return
    raise AssertionError(f"no such link can be reached from {page.url} by Tab alone")


def test_from_what_serves_to_the_file_and_back_by_keyboard(chromium: Browser, model: tuple[str, int]) -> None:
    address, number = model
    page = chromium.new_page()
    page.goto(address)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main", "the first key skips what is on every page"
    _follow(page, lambda href: href == f"/models/{number}")
    assert page.get_by_text(FILE).count() >= 1
    assert page.get_by_text(SHA256[:12]).count() >= 1
    assert page.get_by_text("c0ffeec0ffee").count() >= 1
    _follow(page, lambda href: href.startswith("/impact?of=file"))
    _follow(page, lambda href: href == f"/models/{number}")
    page.close()


@pytest.mark.parametrize("place", ["/models/{model}", "/artifacts/{model}/lineage", f"/runs/{RUN}"])
def test_paper_holds_all_of_a_page(chromium: Browser, model: tuple[str, int], place: str) -> None:
    address, number = model
    page = chromium.new_page(viewport={"width": A4_PX, "height": 1000}, color_scheme="dark")
    page.emulate_media(media="print")
    page.goto(address + place.format(model=number))
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()


def test_paper_holds_all_of_an_audit_report(chromium: Browser, model: tuple[str, int], folder: Path) -> None:
    page = chromium.new_page(viewport={"width": A4_PX, "height": 1000}, color_scheme="dark")
    page.emulate_media(media="print")
    page.goto(f"file://{folder}/report.html")
    assert page.evaluate(CUT_OFF) == []
    assert page.get_by_role("navigation").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")
    for scheme in ("light", "dark"):
        page.emulate_media(media="screen", color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate(UNREADABLE) == [], scheme
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.close()


CUT_OFF = """() => [...document.querySelectorAll("main *")]
  .filter((one) => one.checkVisibility() && !one.closest(".unseen"))
  .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((one) => `${one.tagName} ${one.textContent.trim().slice(0, 40)}`)"""
"""What would be beyond the edge of the paper."""
