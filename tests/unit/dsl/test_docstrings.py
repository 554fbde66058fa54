"""Google docstrings."""

from pipeline_lib.dsl.docstrings import argument_texts, summary

TEXT = """Do it well.

    More of it.

    Args:
        day: The day,
            in full: always.
        n (int): How many.

    Raises:
        ValueError: Never.
    """


def test_arguments() -> None:
    assert argument_texts(TEXT) == {"day": "The day, in full: always.", "n": "How many."}


def test_summary() -> None:
    assert summary(TEXT) == "Do it well."
    assert (summary(None), argument_texts(None)) == ("", {})
