"""Where an artifact comes from and what came of it: bounded, stably ordered queries over the store."""

from pipeline_lib.lineage.difference import Difference, diff
from pipeline_lib.lineage.drawing import mermaid, tree
from pipeline_lib.lineage.explanation import Explanation, explain
from pipeline_lib.lineage.graph import Bounds, Lineage, downstream, upstream
from pipeline_lib.lineage.paging import Page, PageRequest
from pipeline_lib.lineage.reach import Impact, impact
from pipeline_lib.lineage.search import Hit, SearchQuery, search
from pipeline_lib.lineage.sources import SourceFile
from pipeline_lib.lineage.subjects import Subject, find_model
from pipeline_lib.lineage.timeline import Change, live_at, live_now, targets, timeline

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
