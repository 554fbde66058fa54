"""Try a model in a server of its own before it may be pushed."""

from pipeline_components.validate_infra.component import validate_infra
from pipeline_components.validate_infra.specs import RequestSpec, ServingSpec, ValidationSpec

__all__ = ["RequestSpec", "ServingSpec", "ValidationSpec", "validate_infra"]
