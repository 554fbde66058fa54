"""PL2xx: artifacts and their store. PL3xx: the metadata store."""

from pipeline_lib.errors.base import PipelineError


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


class DeclaredDeadError(PipelineError):
    """A try was given up or taken for dead; it stops, and cannot publish any more."""

    code = "PL307"


class ClaimedError(PipelineError):
    """Another run computes the same result at this moment; the launcher waits for its end."""

    code = "PL308"

    @property
    def holder(self) -> int:
        """Id of the execution that computes it."""
        return int(self.facts["execution"])
