"""Runs toy pipelines in processes of their own: `python -m toy ORDER...`, JSON objects in, one line each out.

Several orders are carried out at once, each by a fork of this process, which has imported everything.
"""

import json
import os
import signal
import sys
from datetime import timedelta

import pipeline_lib.metadata.mlmd  # before the forks, like the rest
from pipeline_lib.runtime import leases
from pipeline_lib.runtime.results import RunInterrupted
from pipeline_lib.runtime.session import open_session
from pipeline_lib.settings import Profile
from toy import pipeline

INTERRUPTED = 130


def main(order: dict[str, object]) -> None:
    """Run or resume what is ordered, and print what became of each node."""
    if "patience" in order:
        pipeline_lib.metadata.connection._RETRY_SECONDS = order["patience"]  # type: ignore[assignment]
    if "lease" in order:
        leases.LEASE = leases._CLOCKS = timedelta(seconds=float(order["lease"]))  # type: ignore[arg-type]
        leases.RENEW_SECONDS = float(order["lease"]) / 4  # type: ignore[arg-type]
    plan = getattr(pipeline, str(order["pipeline"])).compile()
    with open_session(Profile.model_validate(order["profile"])) as session:
        result = session.run(plan, order["given"], resume=order["resume"])  # type: ignore[arg-type]
    outputs = {
        str(node.key): [artifact.id for port in node.outputs.values() for artifact in port]
        for node in result.nodes
    }
    errors = [node.error.as_json() for node in result.nodes if node.error is not None]
    told = {"run_id": result.run_id, "state": result.state, "outputs": outputs, "errors": errors}
    os.write(1, f"{json.dumps(told)}\n".encode())  # whole, beside what others write


def at_once(orders: list[dict[str, object]]) -> int:
    """Carry out each in a fork; how many of these failed."""
    import ml_metadata.metadata_store.metadata_store  # noqa: F401  half of what a run imports

    started = []
    for order in orders:
        if (pid := os.fork()) == 0:
            status = 70
            try:
                main(order)
                status = 0
            finally:
                os._exit(status)
        started.append(pid)
    return sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in started)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell start without
    given = [json.loads(text) for text in sys.argv[1:]]
    if len(given) > 1:
        sys.exit(at_once(given))
    try:
        main(given[0])
    except RunInterrupted:
        sys.exit(INTERRUPTED)
