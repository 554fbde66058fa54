"""The user's own line."""

from pathlib import Path

from pipeline_lib.dsl.places import last_user_place, shown_path, user_place


def test_is_this_line() -> None:
    place = user_place()
    assert str(place).endswith(f"tests/unit/dsl/test_places.py:{place.line}")
    assert Path(__file__).read_text().splitlines()[place.line - 1].strip() == "place = user_place()"


def test_of_an_error_is_the_innermost_of_the_users() -> None:
    def fails() -> None:
        list(map(Path, [3]))  # type: ignore[list-item]

    try:
        fails()
    except TypeError as error:
        place = last_user_place(error)
    assert place is not None
    assert place.code.co_name == "fails"


def test_paths_below_here_are_relative() -> None:
    assert shown_path(str(Path.cwd() / "a" / "b.py")) == "a/b.py"
    assert shown_path("/somewhere/else.py") == "/somewhere/else.py"
