"""The errors of pipeline_lib: one class per code, each naming the thing, the place and the fix.

Codes are stable. PL1xx: authoring and compiling. PL2xx: artifacts and their store. PL3xx: metadata.
PL4xx: running. PL6xx: profiles, parameters and the command line. `docs/errors.md` lists every class here;
a test compares the two. Components keep theirs (PC...) in `pipeline_components.errors`.
"""

from typing import Any, ClassVar, Self


class PipelineError(Exception):
    """Base of every error a user can act on.

    Args:
        summary: One sentence that names the thing.
        fix: What to do about it, one line.
        at: The place: `file:line`, a path, `node.port` or a uri.
        facts: Named details, printed in the order given (`needs=...`, `got=...`).
    """

    code: ClassVar[str] = "PL000"

    def __init__(self, summary: str, /, *, fix: str, at: str | None = None, **facts: object) -> None:
        self.summary = summary
        self.fix = fix
        self.at = at
        self.facts = {name: str(value) for name, value in facts.items() if value is not None}
        super().__init__(summary)

    def __str__(self) -> str:
        rows = {**self.facts, "at": self.at, "fix": self.fix}
        shown = {name: text for name, text in rows.items() if text}
        width = max((len(name) for name in shown), default=0) + 1
        lines = [f"[{self.code}] {self.summary}"]
        for name, text in shown.items():
            indented = text.replace("\n", "\n" + " " * (width + 3))
            lines.append(f"  {name + ':':<{width}} {indented}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.summary, self.fix, self.at, self.facts)

    def as_json(self) -> dict[str, Any]:
        """The error as plain JSON, for `--json` output and the executor's response file."""
        return {
            "code": self.code,
            "summary": self.summary,
            "facts": self.facts,
            "at": self.at,
            "fix": self.fix,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Rebuild from `as_json`, as an instance of the class called that keeps the recorded code."""
        error = cls(record["summary"], fix=record["fix"], at=record.get("at"), **record.get("facts", {}))
        if record["code"] != cls.code:
            error.__dict__["code"] = record["code"]
        return error


def _rebuild(
    cls: type[PipelineError], summary: str, fix: str, at: str | None, facts: dict[str, str]
) -> PipelineError:
    return cls(summary, fix=fix, at=at, **facts)


# --- PL1xx: authoring and compiling ----------------------------------------------------------------------


class OutsidePipelineError(PipelineError):
    """A component, resolver or pipeline was called where no pipeline is being recorded."""

    code = "PL101"


class WireTypeError(PipelineError):
    """An input was given an artifact of another type, or something that is no artifact."""

    code = "PL102"


class ArgumentError(PipelineError):
    """A call names an argument that does not exist, or leaves out one that is needed."""

    code = "PL103"


class ParameterTypeError(PipelineError):
    """A parameter was given a value of another type than it declares."""

    code = "PL104"


class RecordedValueError(PipelineError):
    """A value that only a run will have was used as if it were known (not a TypeError: callers swallow those)."""

    code = "PL105"


class ConditionalUseError(PipelineError):
    """Something that exists only under a condition, or once per item of a loop, was used outside of it."""

    code = "PL106"


class UnknownAttributeError(PipelineError, AttributeError):
    """A recorded value has no attribute or key of that name (an AttributeError, so that `hasattr` works)."""

    code = "PL107"


class DeclarationError(PipelineError):
    """A component, resolver or pipeline is declared in a way that cannot be recorded or executed."""

    code = "PL108"


class NodeIdError(PipelineError):
    """A node's id is taken already, or cannot be a folder's name."""

    code = "PL109"


class ConditionError(PipelineError):
    """`when`, `otherwise`, `either`, `exists`, `not_`, `&` or `|` was given what it cannot work with."""

    code = "PL110"


class LoopError(PipelineError):
    """`for_each` was used other than as the head of a loop that runs to its end."""

    code = "PL111"


class RunInsidePipelineError(PipelineError):
    """`run` executes a component at once, and was called while a pipeline is being recorded."""

    code = "PL112"


class OptionError(PipelineError):
    """A node's option has a value that makes no sense, or names what does not exist."""

    code = "PL113"


class PipelineCodeError(PipelineError):
    """The pipeline function itself raised a Python error while it was being recorded."""

    code = "PL114"


class InvisibleUseError(PipelineError):
    """The pipeline's source tests a recorded value in a way that Python does not let us see."""

    code = "PL115"


class ResultError(PipelineError):
    """A component's or resolver's body returned something other than it declares."""

    code = "PL116"


class UserModuleError(PipelineError):
    """A user's module cannot be found or imported."""

    code = "PL117"


class SecretReferenceError(PipelineError):
    """A secret was given by value, or its reference is malformed."""

    code = "PL118"


class ResolutionError(PipelineError):
    """A resolver found too little in the history."""

    code = "PL119"


class PlanSyntaxError(PipelineError):
    """A plan file is not JSON, or not a plan's JSON."""

    code = "PL120"


class PlanVersionError(PipelineError):
    """A plan was written by another version of the library's plan format."""

    code = "PL121"


class PlanReferenceError(PipelineError):
    """A plan names a node, port, parameter or loop that it does not have, or has in another form."""

    code = "PL122"


class PlanCycleError(PipelineError):
    """Nodes of a plan wait for each other, or stand before what they wait for."""

    code = "PL123"


class UngatedPushError(PipelineError):
    """A model is judged and pushed, but the push does not look at the judgement."""

    code = "PL124"


class ExecutionInputError(PipelineError):
    """The executor was handed inputs or parameters that the component's signature refuses."""

    code = "PL125"


# --- PL2xx: artifacts and their store -------------------------------------------------------------------


class UnknownPropertyError(PipelineError, AttributeError):
    """An artifact has no property of that name (an AttributeError, so that `hasattr` works)."""

    code = "PL201"


class PropertyTypeError(PipelineError):
    """A property was given a value of another type than it declares."""

    code = "PL202"


class PropertyDeclarationError(PipelineError):
    """An artifact class declares a property that cannot be stored and queried."""

    code = "PL203"


class NoWorkspaceError(PipelineError):
    """`Artifact.new` was called where no component is being executed."""

    code = "PL204"


class UnsetPropertyError(PipelineError):
    """A property declared `= later()` was not set before the artifact was published."""

    code = "PL205"


class MissingPayloadError(PipelineError):
    """An artifact's files are gone, or their number or size differs from the manifest."""

    code = "PL206"


class CorruptPayloadError(PipelineError):
    """A file of an artifact has other content than its manifest says."""

    code = "PL207"


class ArtifactStoreError(PipelineError):
    """The artifact store refused a read or a write (permission, space, network)."""

    code = "PL208"


class UnsafePayloadError(PipelineError):
    """An output holds something that must not be published: a link that leads out, a device, a socket."""

    code = "PL209"


# --- PL3xx: metadata ------------------------------------------------------------------------------------


class MetadataUnavailableError(PipelineError):
    """The metadata store cannot be reached, or refuses to answer."""

    code = "PL301"


class MetadataVersionError(PipelineError):
    """The metadata store was written by another schema version."""

    code = "PL302"


class ArtifactTypeConflictError(PipelineError):
    """An artifact type is already stored with other kinds of properties."""

    code = "PL303"


class AlreadyCompleteError(PipelineError):
    """Another try of the same node of the same run was published first."""

    code = "PL304"


class MetadataUrlError(PipelineError):
    """The metadata url is of no known kind, or incomplete."""

    code = "PL305"


class RunConflictError(PipelineError):
    """A run id is already that of another pipeline's run."""

    code = "PL306"


# --- PL4xx: running (PL40x launcher, PL42x executor, PL44x caching) ---------------------------------------


class UnresolvedValueError(PipelineError):
    """A node reads a value that does not exist in this run."""

    code = "PL401"


class RunParameterError(PipelineError):
    """A run parameter is unknown, missing, or not of the declared type or range."""

    code = "PL402"


class SelectionError(PipelineError):
    """`--from`, `--to` or `--only` names no node, or the partial run has nothing to start from."""

    code = "PL403"


class OutputMismatchError(PipelineError):
    """A component returned other outputs than its node promises."""

    code = "PL404"


class ResolverFailedError(PipelineError):
    """A resolver raised, or returned what is not in the store."""

    code = "PL405"


class DriverFailedError(PipelineError):
    """A component's driver raised or returned what is not plain JSON."""

    code = "PL406"


# --- PL42x: executing a component in a process ------------------------------------------------------------


class ComponentFailedError(PipelineError):
    """A component's body raised an exception that is not one of ours; its type and message are named."""

    code = "PL420"


class ComponentImportError(PipelineError):
    """A component's module cannot be imported where it is executed, or the name is not in it."""

    code = "PL421"


class ChildDiedError(PipelineError):
    """The process of an execution ended by a signal, out of memory, or without saying what came of it."""

    code = "PL422"


class ExecutionTimeoutError(PipelineError):
    """An execution took longer than its node allows, and was stopped."""

    code = "PL423"


class ExecutionCanceledError(PipelineError):
    """An execution was stopped from outside: Ctrl-C, or the orchestrator."""

    code = "PL424"


class HostUnavailableError(PipelineError):
    """The executor host cannot be started, refuses to fork, or was lost."""

    code = "PL425"


class UnknownEnvironmentError(PipelineError):
    """A component asks for an environment that the profile does not name, or that has no interpreter."""

    code = "PL426"


# --- PL44x: the cache key ---------------------------------------------------------------------------------


class CodeNotFoundError(PipelineError):
    """A module or file that enters a node's cache key cannot be found or read."""

    code = "PL441"


class DependencyNotFoundError(PipelineError):
    """`depends_on` names a module, file or directory that does not exist."""

    code = "PL442"


class KeyValueError(PipelineError):
    """A parameter's value is not plain JSON, so it cannot enter a cache key."""

    code = "PL443"


# --- PL6xx: profiles, secrets, the command line -----------------------------------------------------------


class ProfileError(PipelineError):
    """A profile is missing, unreadable, or has an unknown key or a wrong value."""

    code = "PL601"


class SecretError(PipelineError):
    """A secret is given in clear, or there is nothing behind its reference."""

    code = "PL602"


class UnknownPipelineError(PipelineError):
    """No pipeline of that name is found, or its module cannot be imported."""

    code = "PL603"


class UnknownRecordError(PipelineError):
    """No run, execution or artifact of that id is in the store."""

    code = "PL604"


# --- PL5xx: Beam, its sources and sinks ------------------------------------------------------------------


class BeamRunnerError(PipelineError):
    """The profile names a Beam runner that does not exist or is not installed."""

    code = "PL501"


class BeamOptionError(PipelineError):
    """The profile or a node gives an option that Beam does not know, or a value it refuses."""

    code = "PL502"


class NoParquetFilesError(PipelineError):
    """A directory that should hold Parquet files holds none."""

    code = "PL503"


class ParquetReadError(PipelineError):
    """A file cannot be read as Parquet."""

    code = "PL504"


class UnsupportedColumnError(PipelineError):
    """A column is of a type that TFX's libraries do not read."""

    code = "PL505"
