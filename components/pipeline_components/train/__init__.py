"""Training: the component, and what a user's module may import from it."""

from pipeline_components.train.callbacks import ProgressCallback
from pipeline_components.train.component import Trained, train
from pipeline_components.train.dataset_options import RecordBatchesOptions, TensorFlowDatasetOptions
from pipeline_components.train.export import export_model
from pipeline_components.train.fn_args import DataAccessor, FnArgs, TunerFnResult
from pipeline_components.train.schema_text import parse_pbtxt_file

__all__ = [
    "DataAccessor",
    "FnArgs",
    "ProgressCallback",
    "RecordBatchesOptions",
    "TensorFlowDatasetOptions",
    "Trained",
    "TunerFnResult",
    "export_model",
    "parse_pbtxt_file",
    "train",
]
