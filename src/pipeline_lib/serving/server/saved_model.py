"""A SavedModel in a session of its own, as TensorFlow Serving runs it.

Functions that `tf.saved_model.load` makes live in TensorFlow's one eager context and leave some of their
memory there; a session takes all of its own with it when it is closed, and runs a small graph several times
faster.
"""

import ctypes
import gc
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from pipeline_lib.serving.server.refusals import Refusal, Status, invalid

Array = np.ndarray[Any, Any]

_SERVE = "serve"
# SavedModel's own signature for restoring variables; nobody predicts with it.
_INIT = "__saved_model_init_op"
_CALLS_KEPT = 64
_CALLERS_THREAD = -1


class SavedModel:
    """A loaded SavedModel; its session is closed when nobody holds it any more.

    Args:
        directory: Of the SavedModel.

    Attributes:
        signatures: Its SignatureDefs by name.

    Raises:
        Refusal: NOT_FOUND if no graph of it is meant to be served.
    """

    def __init__(self, directory: Path) -> None:
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        # Closes what a failed load leaves behind, too.
        weakref.finalize(self, self._session.close)
        with graph.as_default():
            try:
                loaded = tf.compat.v1.saved_model.loader.load(self._session, [_SERVE], str(directory))
            except RuntimeError as error:  # no MetaGraphDef has the tag
                raise Refusal(
                    Status.NOT_FOUND, f"Could not find meta graph def matching supplied tags: {{ {_SERVE} }}"
                ) from error
        graph.finalize()
        self.signatures: Mapping[str, Any] = {
            name: signature for name, signature in loaded.signature_def.items() if name != _INIT
        }
        self._calls: dict[tuple[tuple[str, ...], tuple[str, ...], bool], Any] = {}
        self._preparing = threading.Lock()

    def run(self, feeds: Mapping[str, Array], fetches: Sequence[str], *, alone: bool = False) -> list[Array]:
        """Compute tensors.

        Args:
            feeds: Arrays by tensor name; text as arrays of bytes objects.
            fetches: Tensor names.
            alone: Run operations one after the other in the caller's thread; of a short run, handing them to
                TensorFlow's threads is the longest part.

        Raises:
            Refusal: What the graph says of inputs that do not fit, or of its own failure.
        """
        try:
            found = self._call(tuple(feeds), tuple(fetches), alone)(*feeds.values())
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            raise invalid(_first_line(error)) from error
        except tf.errors.OpError as error:
            raise Refusal(_STATUS.get(error.error_code, Status.INTERNAL), _first_line(error)) from error
        # A scalar text comes as bytes.
        return [np.array(one, dtype=object) if isinstance(one, bytes) else one for one in found]

    def _call(self, feeds: tuple[str, ...], fetches: tuple[str, ...], alone: bool) -> Any:
        key = (feeds, fetches, alone)
        found = self._calls.get(key)
        if found is not None:
            return found
        with self._preparing:
            # Output filters are the client's to choose: their calls must not fill the memory.
            if len(self._calls) >= _CALLS_KEPT:
                self._calls.clear()
            run_options = config_pb2.RunOptions(inter_op_thread_pool=_CALLERS_THREAD if alone else 0)
            options = config_pb2.CallableOptions(feed=feeds, fetch=fetches, run_options=run_options)
            # `Session.run` without its checks and dictionaries, which take longer than a small graph.
            made = self._session._make_callable_from_options(options)
            self._calls[key] = made
        return made


def give_memory_back() -> None:
    """Collect what dropped models leave, and give the allocator's free pages back to the system."""
    gc.collect()  # graphs hold themselves in cycles
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)


_STATUS = {status.number: status for status in Status}


def _first_line(error: Exception) -> str:
    return (error.message if isinstance(error, tf.errors.OpError) else str(error)).partition("\n")[0]
