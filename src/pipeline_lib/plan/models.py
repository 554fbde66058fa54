"""The compiled pipeline: frozen models, canonical JSON in and out. Everything downstream reads only this."""

from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline_lib.hashing import canonical_json, digest
from pipeline_lib.plan.expressions import Expression, Frozen

SCHEMA_VERSION = 1

NodeKind = Literal["component", "resolver", "importer"]


class CodeRef(Frozen):
    """A name that can be imported: `getattr(import_module(module), qualname)`."""

    module: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}:{self.qualname}"


class PropertyType(Frozen):
    """One property of an artifact type, as `pipeline_lib.artifacts.properties.PropertyKind` names it."""

    kind: Literal["int", "float", "str", "bool", "date", "json"]
    declared: bool = True


class ArtifactType(Frozen):
    """What the metadata store must know of an artifact class, so that nobody imports it to run a plan."""

    code: CodeRef
    base_type: Literal["Dataset", "Model", "Statistics", "Metrics"] | None = None
    properties: dict[str, PropertyType] = {}


class RunParameter(Frozen):
    """A parameter of the pipeline function.

    Attributes:
        schema_: Its JSON schema, as pydantic gives it for the annotation.
        default: The default as plain JSON; meaningless if `required`.
        secret: Whether the value is a secret's reference.
    """

    name: str
    schema_: dict[str, Any] = Field(alias="schema", serialization_alias="schema")
    required: bool = False
    default: Any = None
    description: str = ""
    secret: bool = False


class InputPort(Frozen):
    """What a node reads under a port."""

    source: Expression
    artifact_type: str
    optional: bool = False
    many: bool = False


class OutputPort(Frozen):
    """What a node promises under a port."""

    artifact_type: str
    optional: bool = False
    many: bool = False


class CachePolicy(Frozen):
    """Whether and how a node's earlier results are used.

    Attributes:
        enabled: False: always execute, and never serve as a hit.
        max_age_seconds: A result older than that is not used.
        ignore: Parameters that do not enter the key.
        depends_on: Extra files, directories or modules that enter the key (dynamic imports, data files).
        version: Raised by the author when the meaning of the outputs changes.
    """

    enabled: bool = True
    max_age_seconds: float | None = None
    ignore: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    version: int = 0


class ApprovalRule(Frozen):
    """A person must agree before the node runs; what is asked and answered is recorded, and never cached.

    Attributes:
        timeout_seconds: How long to wait for the answer; None: for ever.
        on_reject, on_timeout: What becomes of the node then.
        approvers: User names that may answer; empty: whoever may answer at all.
        message: What the person is told besides what the node reads.
    """

    timeout_seconds: float | None = Field(default=None, gt=0)
    on_reject: Literal["skip", "fail"] = "skip"
    on_timeout: Literal["skip", "fail"] = "skip"
    approvers: tuple[str, ...] = ()
    message: str = ""


class ArtifactTrigger(Frozen):
    """An output of another pipeline; each new artifact there is a reason to run.

    Attributes:
        spans: Whether that pipeline's runs are of spans, which are then this run's.
    """

    pipeline: str
    node: str
    port: str
    spans: bool = True

    def __str__(self) -> str:
        return f"{self.pipeline}.{self.node}.{self.port}"


class Options(Frozen):
    """How a node is executed; nothing here enters its cache key but `cache.version` and `depends_on`.

    Attributes:
        retries: Further tries after the first.
        retry_delay_seconds: Before the second try; doubles with each further one.
        timeout_seconds: For one try.
        cpus, memory_mb, pool, queue, priority, executor_config, owner: For the orchestrator.
        environment: Name of an environment of the profile (another interpreter), or None.
        beam: Options merged over the profile's.
        approval: Who must agree first, or None.
    """

    retries: int = 0
    retry_delay_seconds: float = 1.0
    timeout_seconds: float | None = None
    cache: CachePolicy = CachePolicy()
    cpus: float | None = None
    memory_mb: int | None = None
    pool: str | None = None
    queue: str | None = None
    priority: int | None = None
    executor_config: dict[str, Any] = {}
    owner: str | None = None
    environment: str | None = None
    beam: dict[str, Any] = {}
    approval: ApprovalRule | None = None


class Loop(Frozen):
    """A `for_each`: its nodes run once per item of `over`, which is a list of values or of artifacts."""

    id: str
    over: Expression
    artifact_type: str | None = None


class Node(Frozen):
    """A component, resolver or importer placed in a pipeline.

    Attributes:
        inputs: Artifacts read, by port.
        parameters: Values given, by name; those left at the component's default are here too.
        outputs: Artifacts promised, by port.
        user_modules: Names of parameters that hold a user's module (their source enters the cache key).
        secrets: Names of parameters that hold references to secrets.
        driver: Called in the launcher with the resolved parameters before the cache key is made; what it
            returns is merged over them. It finds outside data (files of a span) and gives their digests.
        condition: Runs only if this holds; None: always.
        loops: Ids of the `for_each` around it, outermost first.
        after: Nodes that must end before it, although it reads nothing of theirs.
        exit_handler: Runs after all other nodes, whatever became of them.
    """

    id: str
    kind: NodeKind = "component"
    code: CodeRef
    inputs: dict[str, InputPort] = {}
    parameters: dict[str, Expression] = {}
    outputs: dict[str, OutputPort] = {}
    user_modules: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    driver: CodeRef | None = None
    condition: Expression | None = None
    loops: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    exit_handler: bool = False
    options: Options = Options()
    description: str = ""


def approval_id(node_id: str) -> str:
    """What the approval of a node is called: as a task, and as a node of the metadata store."""
    return f"approve.{node_id}"


class Plan(Frozen):
    """A compiled pipeline.

    Attributes:
        span_parameter: The run parameter (a date) that says which span a run is of; None if there is none.
        schedule: Cron text, preset, or None.
        triggers: Artifacts of other pipelines that start a run when all of them are new.
        nodes: In an order in which they can run.
    """

    schema_version: Literal[1] = 1
    name: str
    description: str = ""
    code: CodeRef
    schedule: str | None = None
    triggers: tuple[ArtifactTrigger, ...] = ()
    span_parameter: str | None = None
    tags: tuple[str, ...] = ()
    parameters: tuple[RunParameter, ...] = ()
    loops: tuple[Loop, ...] = ()
    nodes: tuple[Node, ...]
    artifact_types: dict[str, ArtifactType] = {}

    def node(self, node_id: str) -> Node:
        """The node of that id.

        Raises:
            KeyError: There is none.
        """
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; parts at their defaults are left out."""
        return {"schema_version": SCHEMA_VERSION} | self.model_dump(
            mode="json", by_alias=True, exclude_defaults=True
        )

    def to_text(self) -> str:
        """Canonical JSON: equal plans give equal bytes."""
        return canonical_json(self.as_json())

    @property
    def digest(self) -> str:
        """Digest of the whole plan."""
        return digest("plan", self.as_json())

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "Plan":
        ids = [node.id for node in self.nodes]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"node id used twice: {', '.join(twice)}")
        for node_id in ids:
            if PurePosixPath(node_id).name != node_id or node_id in ("", ".", ".."):
                raise ValueError(f"node id cannot be a folder's name: {node_id!r}")
        return self
