"""Another one of the user's."""


def judged(value):
    return -value
