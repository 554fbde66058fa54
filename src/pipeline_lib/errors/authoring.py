"""PL1xx: what is wrong with a component, a pipeline or a plan."""

from pipeline_lib.errors.base import PipelineError


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
    """A value that only a run will have was used as if it were known.

    Not a TypeError: `os.path.join` and others swallow those.
    """

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
    """A condition cannot work with what it was given, or no `with` enters a block."""

    code = "PL110"


class LoopError(PipelineError):
    """`for_each` does not head a loop of iterations that run to their end, each for itself."""

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
