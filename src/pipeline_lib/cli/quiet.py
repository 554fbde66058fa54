"""Libraries that tell of themselves when they are imported, kept from doing so on the terminal."""

import os
import warnings

# TensorFlow writes of missing GPUs as errors; its own errors reach us as exceptions.
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "GRPC_VERBOSITY": "ERROR",
    "GLOG_minloglevel": "2",
    "ABSL_MIN_LOG_LEVEL": "2",
}


def hush_imports() -> None:
    """Before TensorFlow and gRPC are imported for a command; who has set these variables keeps them."""
    for name, text in _QUIET.items():
        os.environ.setdefault(name, text)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core")
