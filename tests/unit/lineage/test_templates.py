import pytest
from jinja2 import UndefinedError

from pipeline_lib.lineage.templates import environment_of


def test_everything_is_escaped_and_nothing_missing_is_passed_over() -> None:
    environment = environment_of("pipeline_lib.lineage.web")
    assert "base.html" in environment.list_templates()
    assert environment.from_string("{{ name }}").render(name="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        environment.from_string("{{ name }}").render()


def test_a_line_that_is_a_statement_leaves_no_line() -> None:
    template = environment_of("pipeline_lib.lineage.audit").from_string(
        "a\n  {% if true %}\nb\n  {% endif %}\n"
    )
    assert template.render() == "a\nb\n"
