"""`ProgressCallback`: what happens in each epoch, told while it happens, for Keras 3 and tf_keras."""

import json
import math
import time
from pathlib import Path
from typing import Any

from pipeline_components.errors import LossNotFiniteError
from pipeline_lib.artifacts.workspace import active_workspace


class ProgressCallback:
    """Reports each epoch to the running pipeline, stops at a loss that is NaN, keeps the history.

    Pass it to `model.fit(callbacks=[ProgressCallback()])`. It is a plain class with the methods that both
    generations of Keras call, so that neither has to be imported to define it.

    Args:
        history_file: Where the epochs are kept as JSON (`<model_run_dir>/history.json`); None: nowhere.
    """

    def __init__(self, history_file: str | Path | None = None) -> None:
        self.params: dict[str, Any] = {}
        self.model: Any = None
        self.history: list[dict[str, float]] = []
        self._file = Path(history_file) if history_file is not None else None
        self._started = 0.0

    def set_params(self, params: dict[str, Any]) -> None:
        """Called by Keras with `epochs` and `steps`."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called by Keras with the model to be trained."""
        self.model = model

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Called by Keras."""
        del epoch, logs
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Called by Keras with the epoch's losses and metrics.

        Raises:
            LossNotFiniteError: The loss is NaN or infinite.
        """
        values = {name: float(value) for name, value in (logs or {}).items()}
        row = {"epoch": epoch + 1, "seconds": round(time.perf_counter() - self._started, 3), **values}
        self.history.append(row)
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(
                json.dumps({"epochs": [_plain(past) for past in self.history]}, indent=1) + "\n"
            )
        space = active_workspace()
        if space is not None:
            space.report({**_plain(row), "epochs": self.params.get("epochs")})
        if not math.isfinite(values.get("loss", 0.0)):
            raise LossNotFiniteError(
                f"the loss is {values['loss']} after epoch {epoch + 1}",
                fix="lower the learning rate, or look for NaN and huge values in the transformed examples",
            )

    def _implements_train_batch_hooks(self) -> bool:
        return False

    def _implements_test_batch_hooks(self) -> bool:
        return False

    def _implements_predict_batch_hooks(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        """The hooks that Keras calls and this class has no use for."""
        if name.startswith("on_"):
            return _ignore
        raise AttributeError(name)


def _ignore(*args: Any, **kwargs: Any) -> None:
    del args, kwargs


def _plain(row: dict[str, float]) -> dict[str, float | str]:
    """JSON has no NaN: it is told of as text."""
    return {name: value if math.isfinite(value) else str(value) for name, value in row.items()}
