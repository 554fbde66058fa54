"""PL5xx: Beam, its sources and sinks. PL6xx: profiles, secrets, the command line."""

from pipeline_lib.errors.base import PipelineError


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


class WorkersElsewhereError(PipelineError):
    """Beam's workers wrote to a disk of their own: nothing of it is on this machine."""

    code = "PL506"


class BeamJobError(PipelineError):
    """A Beam job failed in a worker, or its runner or workers cannot be reached."""

    code = "PL507"


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


class CommandLineError(PipelineError):
    """A command is called with an unknown command, option or value, or without one it needs."""

    code = "PL605"
