"""Two imports away from `scale`."""

USUAL = 10
