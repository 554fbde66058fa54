"""Push a blessed model to where TensorFlow Serving looks for it."""

from pipeline_components.push.component import push

__all__ = ["push"]
