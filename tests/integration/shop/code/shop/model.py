"""The user's module."""

from shop.losses import loss


def judged(value):
    return loss(value) + 1
