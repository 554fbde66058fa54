"""Choosing among an input's splits by name."""

import difflib
from collections.abc import Sequence

from pipeline_components.errors import SplitNotFoundError


def chosen_splits(
    there: Sequence[str], *, exclude: Sequence[str] = (), only: Sequence[str] = ()
) -> list[str]:
    """The splits to work on, in their own order.

    Raises:
        SplitNotFoundError: A name is not among them, or none is left.
    """
    for name in (*exclude, *only):
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1)
            raise SplitNotFoundError(
                f"there is no split {name}",
                known=", ".join(there),
                fix=f"did you mean {near[0]}?" if near else "name one of these",
            )
    chosen = [name for name in there if name not in exclude and (not only or name in only)]
    if not chosen:
        raise SplitNotFoundError(
            "no split is left", known=", ".join(there), excluded=", ".join(exclude), fix="exclude fewer"
        )
    return chosen
