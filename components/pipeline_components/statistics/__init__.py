"""Statistics of examples, by split, with a page to look at."""

from pipeline_components.statistics.components import compute_statistics

__all__ = ["compute_statistics"]
