"""The Python of the how-to pages runs as it stands, and their pipelines compile."""

import re
import sys
import types
from pathlib import Path

import pytest

from pipeline_lib import Pipeline, workspace

PAGES = Path(__file__).parents[2] / "docs/how-to"

# A page that stands on another page's names has `text` blocks; these stand on their own.
STANDING_ALONE = {
    "approve-wait-notify.md": [("deliveries", 1), ("numbers", 2)],
    "conditions-loops-windows.md": [("sales-forecast", 7)],
    "evaluate-and-bless.md": [],
    "partial-runs-and-retries.md": [],
    "profiles-and-secrets.md": [],
    "understand-the-cache.md": [],
    "write-a-component.md": [],
}


def run_blocks(page: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType(page.removesuffix(".md").replace("-", "_"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    text = (PAGES / page).read_text(encoding="utf-8")
    for block in re.finditer(r"```python\n(.*?)```", text, flags=re.DOTALL):
        line = text[: block.start(1)].count("\n")
        exec(compile("\n" * line + block[1], str(PAGES / page), "exec", dont_inherit=True), vars(module))
    return module


@pytest.mark.parametrize(("page", "plans"), STANDING_ALONE.items(), ids=STANDING_ALONE)
def test_examples_run(page: str, plans: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    module = run_blocks(page, monkeypatch)
    found = [value.compile() for value in vars(module).values() if isinstance(value, Pipeline)]
    assert [(plan.name, len(plan.nodes)) for plan in found] == plans


def test_the_component_s_unit_test_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_blocks("write-a-component.md", monkeypatch).test_import(tmp_path)


def test_the_component_counts_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd

    module = run_blocks("write-a-component.md", monkeypatch)
    (tmp_path / "day/Split-all").mkdir(parents=True)
    pd.DataFrame({"text": ["a b a", None]}).to_parquet(tmp_path / "day/Split-all/part.parquet")
    with workspace(tmp_path):
        examples = module.Examples.at(tmp_path / "day", split_names=["all"])
        counted = module.count_words.run([examples])
    assert counted.counts.words == 2
    assert (counted.counts.path / "words.json").read_text() == '{"a": 2, "b": 1}'


def test_every_page_is_in_the_list_and_in_the_navigation() -> None:
    pages = {path.name for path in PAGES.glob("*.md")} - {"index.md"}
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (PAGES / "index.md").read_text()))
    navigation = (PAGES.parents[1] / "mkdocs.yml").read_text()
    assert listed == pages
    assert {page for page in pages if f"how-to/{page}" not in navigation} == set()
