"""A decorator."""


def rounded(function):
    return lambda *args: round(function(*args), 3)
