"""A component that reads files beside itself."""

from pathlib import Path

import jinja2

from pipeline_lib import Cache, component
from shop.kinds import Number, Page

HERE = Path(__file__).parent


@component(cache=Cache(depends_on=("page.html.j2", "words", "calendar.csv")))
def print_page(number: Number) -> Page:
    """A page about a number."""
    made = Page.new()
    words = {file.stem: file.read_text().strip() for file in sorted((HERE / "words").iterdir())}
    days = (HERE / "calendar.csv").read_text().split()
    template = jinja2.Template((HERE / "page.html.j2").read_text())
    (made.path / "page.html").write_text(template.render(number=number.value, words=words, days=days))
    return made
