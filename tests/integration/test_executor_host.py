"""The executor host with TensorFlow in it, as every run of a pipeline has it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_lib.plan.models import CodeRef
from pipeline_lib.runtime.execution import Executor
from pipeline_lib.runtime.host.starting import running_hosts, stop_hosts
from pipeline_lib.runtime.messages import Request, Response
from pipeline_lib.settings import HostSettings

MODULES = ("tensorflow", "keras")
BODIES = """
class Fit:
    def execute(self, inputs, parameters):
        import keras
        import numpy as np
        import tensorflow as tf

        rows = tf.data.Dataset.from_tensor_slices((np.random.rand(256, 3), np.random.rand(256)))
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(rows.map(lambda x, y: (x, y)).batch(32).prefetch(2), epochs=1, verbose=0)
        print(np.random.rand())
        return {}

fit = Fit()
"""


@pytest.fixture
def settings() -> Iterator[HostSettings]:
    directory = Path(tempfile.mkdtemp(prefix="plh-"))
    settings = HostSettings(directory=directory, idle_timeout_seconds=60)
    yield settings
    stop_hosts(settings)
    shutil.rmtree(directory)


def test_tensorflow_trains_in_forks_and_is_refused_after_an_op(
    settings: HostSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fitting_bodies.py").write_text(BODIES)
    (tmp_path / "runs_an_op.py").write_text("import tensorflow as tf\ntf.constant(1) + 1\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    executor = Executor(
        host=settings,
    )
    request = Request(
        code=CodeRef(module="fitting_bodies", qualname="fit"),
        import_paths=(str(tmp_path),),
        staging=str(tmp_path / "staging"),
    )

    def execute(name: str, preload: tuple[str, ...]) -> Response:
        log = tmp_path / name
        return executor.execute(request, log_path=log, preload=preload, timeout_seconds=60)

    responses = [execute(f"log{number}", MODULES) for number in range(3)]
    assert [response.failure for response in responses] == [None] * 3
    logs = {(tmp_path / f"log{number}").read_text() for number in range(3)}
    assert len(logs) == 3, "every child draws numbers of its own"
    ((_, status),) = running_hosts(settings)
    assert status.threads <= 4
    assert status.served == 3

    response = execute("refused", (*MODULES, "runs_an_op"))
    assert response.failure is None
    assert "TensorFlow has executed an op in the host" in (tmp_path / "refused").read_text()
