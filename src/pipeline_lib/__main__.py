"""The `pipeline` command as a process of its own: `pipeline`, or `python -m pipeline_lib`."""

import atexit
import gc

_YOUNG_OBJECTS = 300_000
"""New containers between two passes of the cycle collector, instead of 700."""


def main() -> None:
    """Run the command line; exits with its code.

    A command lives for a second, and half a second of it went into looking for cycles among the objects that
    imports leave: a third of a start, and again all of them at the end, where now nothing is left to visit.
    """
    gc.set_threshold(_YOUNG_OBJECTS)
    atexit.register(gc.freeze)
    from pipeline_lib.cli import app

    app(prog_name="pipeline")


if __name__ == "__main__":
    main()
