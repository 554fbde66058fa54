"""PL40x: launching. PL42x: executing in a process. PL44x: the cache key."""

from collections.abc import Sequence

from pipeline_lib.errors.base import PipelineError


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


class WorkplaceError(PipelineError):
    """The launcher cannot read or write where it works: state directory, logs, staging, temporary files."""

    code = "PL407"


class ApprovalNeededError(PipelineError):
    """A node needs somebody's approval, and there is nobody to ask."""

    code = "PL408"
    retryable = False


class ApprovalRefusedError(PipelineError):
    """Somebody did not approve of a node, or nobody answered in time, and the pipeline fails for that."""

    code = "PL409"
    retryable = False


class DataMissingError(PipelineError):
    """Outside data that a node reads is not there, or not yet. Raised by drivers.

    Args:
        summary: See `PipelineError`.
        fix: See `PipelineError`.
        at: See `PipelineError`.
        wait_seconds: How long the pipeline would wait for it, from the first look on; 0: not at all.
        poll_seconds: Between two looks.
        awaits: Absolute globs (fsspec) that all match something once it is there; none: only a look tells.
        facts: See `PipelineError`.
    """

    code = "PL410"

    def __init__(
        self,
        summary: str,
        /,
        *,
        fix: str,
        at: str | None = None,
        wait_seconds: float = 0.0,
        poll_seconds: float = 10.0,
        awaits: Sequence[str] = (),
        **facts: object,
    ) -> None:
        super().__init__(summary, fix=fix, at=at, **facts)
        self.wait_seconds, self.poll_seconds, self.awaits = wait_seconds, poll_seconds, tuple(awaits)


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


class CodeNotFoundError(PipelineError):
    """A module or file that enters a node's cache key cannot be found or read."""

    code = "PL441"


class DependencyNotFoundError(PipelineError):
    """`depends_on` names a module, file or directory that does not exist."""

    code = "PL442"


class CodeChangedError(PipelineError):
    """A source file was edited between the node's cache key and its import; another run has another key."""

    code = "PL444"
    retryable = True


class KeyValueError(PipelineError):
    """A parameter's value is not plain JSON, so it cannot enter a cache key."""

    code = "PL443"
