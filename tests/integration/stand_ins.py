"""Executables that speak the command lines of `tensorflow_model_server` and `docker`, with our server behind.

Neither is on the machines that run these tests: what they show is that our side starts such a process as its
manual says, asks it, and stops it; not how TensorFlow Serving answers.
"""

import sys
from pathlib import Path

MODEL_SERVER = """\
#!{python}
import os, sys

options = dict(option.removeprefix("--").split("=", 1) for option in sys.argv[1:])
served = options.pop("model_base_path"), options.pop("model_name")
ports = ["--grpc-port", options.pop("port"), "--rest-port", options.pop("rest_api_port")]
if options.pop("max_num_load_retries", "0") != "0" or options:
    sys.exit(f"unknown options: {{options}}")
base_path, name = served
root = os.path.dirname(base_path.rstrip("/"))
if os.path.basename(base_path.rstrip("/")) != name:
    sys.exit("the stand-in serves directories that have the model's name")
line = [sys.executable, "-m", "pipeline_lib", "serve", "--base-path", root, "--model", name, *ports]
os.execv(sys.executable, line)
"""

DOCKER = """\
#!{python}
import os, sys

command, *rest = sys.argv[1:]
flags = [one for one in rest if one in {{"--rm", "--init", "--network=host"}}]
(volume,) = (one.removeprefix("--volume=") for one in rest if one.startswith("--volume="))
image, *arguments = rest[len(flags) + 1 :]
# Without --init the server is process 1 of the container, to which SIGTERM means nothing.
if command != "run" or len(flags) != 3 or image != "tensorflow/serving":
    sys.exit(f"unknown command line: {{sys.argv}}")
source, target, mode = volume.split(":")
if mode != "ro":
    sys.exit("the model is to be read only")
program = {model_server!r}
os.execv(program, [program, *(one.replace(target, source) for one in arguments)])
"""


def model_server(directory: Path) -> Path:
    """A `tensorflow_model_server`."""
    return _executable(directory / "tensorflow_model_server", MODEL_SERVER.format(python=sys.executable))


def docker(directory: Path) -> Path:
    """A `docker` that runs the image `tensorflow/serving`."""
    program = str(model_server(directory))
    return _executable(directory / "docker", DOCKER.format(python=sys.executable, model_server=program))


def _executable(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file
