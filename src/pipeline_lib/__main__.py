"""The `pipeline` command as a process of its own: `pipeline`, or `python -m pipeline_lib`."""

from pipeline_lib import plugins
from pipeline_lib.collection import collect_rarely
from pipeline_lib.streams import open_missing_streams


def main() -> None:
    """Run the command line; exits with its code."""
    open_missing_streams()
    collect_rarely()
    plugins.look_for_none()
    from pipeline_lib.cli import app  # its imports are the most of what need not be visited

    app(prog_name="pipeline")


if __name__ == "__main__":
    main()
