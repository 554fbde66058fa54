"""Where an artifact comes from and what came of it: bounded, stably ordered queries over the store."""

from pipeline_lib.lineage.difference import Difference, diff
from pipeline_lib.lineage.drawing import mermaid, tree
from pipeline_lib.lineage.explanation import Explanation, explain
from pipeline_lib.lineage.graph import Bounds, Lineage, downstream, upstream
from pipeline_lib.lineage.reach import Impact, impact
from pipeline_lib.lineage.sources import SourceFile
from pipeline_lib.lineage.subjects import Subject, find_model

__all__ = [
    "Bounds",
    "Difference",
    "Explanation",
    "Impact",
    "Lineage",
    "SourceFile",
    "Subject",
    "diff",
    "downstream",
    "explain",
    "find_model",
    "impact",
    "mermaid",
    "tree",
    "upstream",
]
