"""Options as a dataclass, with an attribute of the class."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Options:
    """How to scale."""

    step: ClassVar[int] = 1
    places: int = 3

    @property
    def offset(self):
        return self.step * self.places
