"""How the server says no: one status for gRPC and HTTP, with TensorFlow Serving's numbers."""

from enum import Enum


class Status(Enum):
    """A gRPC status and the HTTP status that TensorFlow Serving gives for it."""

    CANCELLED = (1, 499)
    UNKNOWN = (2, 500)
    INVALID_ARGUMENT = (3, 400)
    DEADLINE_EXCEEDED = (4, 504)
    NOT_FOUND = (5, 404)
    RESOURCE_EXHAUSTED = (8, 429)
    FAILED_PRECONDITION = (9, 400)
    OUT_OF_RANGE = (11, 400)
    UNIMPLEMENTED = (12, 501)
    INTERNAL = (13, 500)
    UNAVAILABLE = (14, 503)
    DATA_LOSS = (15, 500)

    @property
    def number(self) -> int:
        """The number in gRPC."""
        return self.value[0]

    @property
    def http(self) -> int:
        """The HTTP status."""
        return self.value[1]


class Refusal(Exception):  # noqa: N818 -- a refused request is no error of the server
    """A request that cannot be answered, with what its sender is told."""

    def __init__(self, status: Status, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


def invalid(message: str) -> Refusal:
    """The request itself is wrong."""
    return Refusal(Status.INVALID_ARGUMENT, message)
