"""Compiles pipelines and plans their runs in a process of its own: JSON lines in, JSON lines out."""

import importlib
import json
import sys

from pipeline_lib.runtime.parameters import bind, span_of
from pipeline_lib.runtime.planning import Planner
from pipeline_lib.runtime.session import new_context, open_session
from pipeline_lib.settings import Profile


def main(profile: Profile) -> None:
    with open_session(profile) as session:
        for line in sys.stdin:
            order = json.loads(line)
            plan = importlib.import_module(order["module"]).generated.compile()
            values = bind(plan, order["given"])
            context = new_context(plan, span=span_of(plan, values), profile=profile)
            found = Planner(plan, session.launcher(context), values).forecast()
            verdicts = {str(forecast.key): forecast.verdict for forecast in found}
            print(json.dumps({"plan": plan.to_text(), "verdicts": verdicts}), flush=True)


if __name__ == "__main__":
    main(Profile.model_validate_json(sys.argv[1]))
