"""What passes between the launcher and the process that executes a component: two JSON files.

The request is all a process needs, in this environment or another; the response is all it gives back.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pipeline_lib.plan.models import CodeRef


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputArtifact(_Message):
    """An artifact handed to a body.

    Attributes:
        artifact_class: `module:QualName` of its class where the signature has a type variable (resolvers);
            otherwise the signature says it.
    """

    id: int
    uri: str
    digest: str
    properties: dict[str, Any] = {}
    artifact_class: str = ""


class Request(_Message):
    """Execute one component.

    Attributes:
        import_paths: Put before `sys.path`, so that `code.module` and user modules can be imported.
        sources: Sha256 by path of the modules that the cache key counts; they are compared when imported.
        inputs: By port, always lists; the component's signature says which are single.
        parameters: Plain JSON by name; the component's annotations say what to make of it.
        staging: Local directory for outputs.
        kept: Beginning of the paths under which files of a failed execution are kept.
        artifact_cache: Local directory for copies of remote inputs.
        artifact_root: Root of the artifact store, where manifests of adopted artifacts are.
        beam: Runner and options.
        context: `pipeline`, `run_id`, `node`, `execution_id`, `span`.
        environment: Name of an environment of the profile whose interpreter is used, or None for this one.
        environment_variables: Set in the process before the component is imported.
    """

    version: Literal[1] = 1
    code: CodeRef
    import_paths: tuple[str, ...] = ()
    sources: dict[str, str] = {}
    inputs: dict[str, tuple[InputArtifact, ...]] = {}
    parameters: dict[str, Any] = {}
    staging: str
    kept: str = ""
    artifact_cache: str = ""
    artifact_root: str = ""
    storage_options: dict[str, Any] = {}
    beam: dict[str, Any] = {}
    context: dict[str, Any] = {}
    environment: str | None = None
    environment_variables: dict[str, str] = {}


class OutputArtifact(_Message):
    """A directory in staging that the body filled."""

    type_name: str
    path: str
    properties: dict[str, Any] = {}


class Failure(_Message):
    """Why a body failed.

    Attributes:
        error: `PipelineError.as_json()`; a foreign exception is wrapped in one.
        traceback: Text, from the component's frame on.
        retryable: False for errors that another try cannot mend (bad input, bad wiring).
    """

    error: dict[str, Any]
    traceback: str = ""
    retryable: bool = True


class Usage(_Message):
    """What one try cost: seconds, and bytes at the peak, children included."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


class Response(_Message):
    """What came of a request: outputs by port (always lists), or a failure.

    Attributes:
        facts: What the body wants kept with the execution, whichever way it ended.
    """

    version: Literal[1] = 1
    outputs: dict[str, tuple[OutputArtifact, ...]] = {}
    facts: dict[str, Any] = {}
    failure: Failure | None = None
    usage: Usage = Usage()
