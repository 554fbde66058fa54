"""Makes a written transform graph the same bytes wherever and whenever it was fitted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorflow.core.protobuf import saved_model_pb2


def forget_scratch(transform_fn: Path, scratch: str) -> None:
    """Take the scratch directory out of the graph.

    TFT names lookup tables after the file in its scratch directory that they were first read from. Loading
    reads them from the graph's assets and makes the names unique; what is left is a path of this machine,
    and a graph that never has the digest of an equal one.

    Args:
        transform_fn: The SavedModel that `WriteTransformFn` wrote.
        scratch: TFT's temporary directory, as it was told.
    """
    file = transform_fn / "saved_model.pb"
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString(file.read_bytes())
    path = scratch.encode()
    for node in _nodes(saved):
        if "shared_name" in node.attr and path in node.attr["shared_name"].s:
            node.attr["shared_name"].s = node.attr["shared_name"].s.replace(path, b"")
    file.write_bytes(saved.SerializeToString(deterministic=True))
    (transform_fn / "fingerprint.pb").unlink(missing_ok=True)  # of the bytes before; TensorFlow needs none


def _nodes(saved: Any) -> Iterator[Any]:
    for graph in saved.meta_graphs:
        yield from graph.graph_def.node
        for function in graph.graph_def.library.function:
            yield from function.node_def
