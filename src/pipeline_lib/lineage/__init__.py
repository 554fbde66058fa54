"""Where an artifact comes from and what came of it: bounded, stably ordered queries over the store."""

from pipeline_lib.lineage.drawing.texts import mermaid, tree
from pipeline_lib.lineage.models.difference import Difference, diff
from pipeline_lib.lineage.models.explanation import Explanation, explain
from pipeline_lib.lineage.queries.graph import Bounds, Lineage, downstream, upstream
from pipeline_lib.lineage.queries.paging import Page, PageRequest
from pipeline_lib.lineage.queries.reach import Impact, impact
from pipeline_lib.lineage.queries.search import Hit, SearchQuery, search
from pipeline_lib.lineage.queries.sources import SourceFile
from pipeline_lib.lineage.queries.subjects import Subject, find_model
from pipeline_lib.lineage.queries.timeline import Change, live_at, live_now, targets, timeline

__all__ = [
    "Bounds",
    "Change",
    "Difference",
    "Explanation",
    "Hit",
    "Impact",
    "Lineage",
    "Page",
    "PageRequest",
    "SearchQuery",
    "SourceFile",
    "Subject",
    "diff",
    "downstream",
    "explain",
    "find_model",
    "impact",
    "live_at",
    "live_now",
    "mermaid",
    "search",
    "targets",
    "timeline",
    "tree",
    "upstream",
]
