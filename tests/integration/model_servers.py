"""Small SavedModels, and the local model server as a process."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        base: Of its first model.
        exports: SavedModels to put there.
    """

    rest: str
    grpc: str
    base: Path
    exports: Path
    process: subprocess.Popen[str]

    def put(self, version: int, export: str) -> None:
        """As a push does: under a hidden name, then a rename."""
        incoming = self.base / f".incoming-{version}"
        shutil.copytree(self.exports / export, incoming)
        incoming.rename(self.base / str(version))


@contextmanager
def serving(root: Path, *options: str, model: str = "scale") -> Iterator[Server]:
    """Serve `root/models`, with exports in `root/exports`; told to end, it must end well."""
    command = [
        sys.executable, "-m", "pipeline_lib", "serve", "--rest-port", "0",
        "--grpc-port", "0", "--poll-seconds", "0.1", "--json", *options,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}") and (line := process.stdout.readline()):
            text += line
        told = json.loads(text)
        yield Server(told["rest"], told["grpc"], root / "models" / model, root / "exports", process)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert (code := process.wait(60)) == 0, code


def export(directory: Path, factor: float) -> None:
    """Signatures: `serving_default` scales x, `both` has two inputs, `slow` counts up to n."""
    import tensorflow as tf

    class Scale(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = tf.Variable(factor, dtype=tf.float32)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def scale(self, x: Any) -> Any:
            return {"y": self.factor * x}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.int64, name="n"),
                tf.TensorSpec([None], tf.string, name="text"),
            ]
        )
        def both(self, n: Any, text: Any) -> Any:
            return {"n": n + 1, "text": text, "text_bytes": text}

        @tf.function(input_signature=[tf.TensorSpec([], tf.int64, name="n")])
        def slow(self, n: Any) -> Any:
            one = tf.ones_like(n)
            return {"n": tf.while_loop(lambda i: i < n, lambda i: [i + one], [tf.zeros_like(n)])[0]}

    model = Scale()
    signatures = {"serving_default": model.scale, "both": model.both, "slow": model.slow}
    tf.saved_model.save(model, str(directory), signatures)


def export_texts(directory: Path) -> None:
    """A model whose input is text: it refuses the requests that `export`'s takes."""
    import tensorflow as tf

    class Echo(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="x")])
        def echo(self, x: Any) -> Any:
            return {"y": x}

    model = Echo()
    tf.saved_model.save(model, str(directory), {"serving_default": model.echo})


def export_examples(directory: Path) -> None:
    """A model of tf.Examples with a float feature `x`: signatures `classify` and `regress`."""
    import tensorflow as tf

    def parsed(serialised: Any) -> Any:
        return tf.io.parse_example(serialised, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]

    class Examples(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
        def classify(self, inputs: Any) -> Any:
            x = parsed(inputs)
            return {
                "classes": tf.tile(tf.constant([["no", "yes"]]), [tf.size(x), 1]),
                "scores": tf.concat([1 - x, x], axis=1),
            }

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
        def regress(self, inputs: Any) -> Any:
            return {"outputs": parsed(inputs) * 10}

    model = Examples()
    tf.saved_model.save(model, str(directory), {"serving_default": model.classify, "regress": model.regress})
    # TensorFlow 2 names the method of all of them predict.
    from tensorflow.core.protobuf import saved_model_pb2

    file = directory / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for graph in saved.meta_graphs:
        graph.signature_def["serving_default"].method_name = CLASSIFY
        graph.signature_def["regress"].method_name = REGRESS
    file.write_bytes(saved.SerializeToString())
