"""Runs a toy pipeline in a process of its own: `python -m toy ORDER`, one JSON object in, one out."""

import json
import sys

from pipeline_lib.runtime.session import open_session
from pipeline_lib.settings import Profile
from toy import pipeline


def main(order: dict[str, object]) -> None:
    """Run or resume what is ordered, and print what became of each node."""
    plan = getattr(pipeline, str(order["pipeline"])).compile()
    with open_session(Profile.model_validate(order["profile"])) as session:
        result = session.run(plan, order["given"], resume=order["resume"])  # type: ignore[arg-type]
    outputs = {
        str(node.key): [artifact.id for port in node.outputs.values() for artifact in port]
        for node in result.nodes
    }
    print(json.dumps({"run_id": result.run_id, "state": result.state, "outputs": outputs}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
