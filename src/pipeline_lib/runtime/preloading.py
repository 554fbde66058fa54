"""What the executor host should import ahead, told from a plan."""

from collections.abc import Iterable

from pipeline_lib import caching
from pipeline_lib.errors import PipelineError
from pipeline_lib.plan.expressions import Constant, FromParameter
from pipeline_lib.plan.models import Node
from pipeline_lib.runtime.scope import Scope
from pipeline_lib.settings import Profile


def preload_of(nodes: Iterable[Node], scope: Scope, profile: Profile) -> tuple[str, ...]:
    """Heavy modules that these nodes' components import, those of the first nodes first.

    A user's module counts where the plan or a run parameter names it; a node whose code cannot be found is
    left out, because it will say so itself.
    """
    modules: dict[str, None] = {}
    for node in nodes:
        if node.kind != "component":
            continue
        known = {
            name: scope.evaluate(value)
            for name, value in node.parameters.items()
            if isinstance(value, Constant | FromParameter)
        }
        try:
            code = caching.node_code(node, known, profile.import_paths, profile.state_dir)
        except PipelineError:
            continue
        modules.update(dict.fromkeys(caching.heavy_modules(code)))
    return tuple(modules)
