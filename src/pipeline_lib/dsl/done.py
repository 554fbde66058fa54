"""What a call of a component without outputs gives back."""


class Done:
    """Stands for the end of a node that puts out nothing: name it in `after=[...]`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Done()"
