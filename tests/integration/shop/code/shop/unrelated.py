"""No component needs it."""


def shout(text):
    return text.upper()
