"""Modules of the user that do not import, lack a function, raise, return nonsense or never end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from integration.bad_input.conftest import GOOD, Case, Refused

pytestmark = pytest.mark.xdist_group("bad-input")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests here: data, statistics and schema then come from its cache."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "in.csv").write_text(GOOD)
    return folder


def module(source: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "modules/given.py").write_text(source)


PREPROCESSING = """
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    return {"scaled": tft.scale_to_z_score(inputs["number"])}
"""
FEATURES = [
    Case(name, module(source), code, place, fix, "transformed")
    for name, source, code, place, fix in (
        ("not Python", "def preprocessing_fn(:\n", "PL420", "given.py:1", "mend the line"),
        (
            "an import that is not there",
            "import no_such_module\n" + PREPROCESSING,
            "PL420",
            "given.py:1",
            "mend the line",
        ),
        ("no preprocessing_fn", "other = 1\n", "PC301", "given.py", "def preprocessing_fn"),
        (
            "a preprocessing_fn that is no function",
            "preprocessing_fn = 3\n",
            "PC301",
            "given",
            "def preprocessing_fn",
        ),
        (
            "it raises",
            PREPROCESSING.replace('["number"]', '["nubmer"]'),
            "PC302",
            "given.py:5",
            "mend the function",
        ),
        (
            "it returns no dict",
            "def preprocessing_fn(inputs):\n    return 3\n",
            "PC302",
            "given.py:1",
            "return {name: tensor}",
        ),
        (
            "it returns no tensors",
            "def preprocessing_fn(inputs):\n    return {'a': 3}\n",
            "PC302",
            "given",
            "",
        ),
    )
]


@pytest.mark.parametrize("case", FEATURES, ids=lambda case: case.name)
def test_features(case: Case, refused: Refused) -> None:
    refused(case, module(PREPROCESSING + f"# {case.name}\n"))


TRAINING = """
import keras

def run_fn(fn_args):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.export(fn_args.serving_model_dir)
"""
NAN = "model.set_weights([w * float('nan') for w in model.get_weights()])"
MODELS = [
    Case(name, module(source), code, place, fix, "trained")
    for name, source, code, place, fix in (
        ("neither run_fn nor build", "other = 1\n", "PC401", "given.py", "define one of the two"),
        (
            "run_fn raises",
            "def run_fn(fn_args):\n    raise ValueError('no')\n",
            "PC405",
            "given.py:2",
            "mend",
        ),
        ("run_fn writes no model", "def run_fn(fn_args):\n    pass\n", "PC402", "given", "serving_model_dir"),
        (
            "run_fn writes its model elsewhere",
            TRAINING.replace("fn_args.serving_model_dir", "'elsewhere'"),
            "PC402",
            "given",
            "serving_model_dir",
        ),
        (
            "run_fn links out of its directory",
            f"import os\n{TRAINING}    os.symlink('/etc/hostname', fn_args.serving_model_dir + '/link')\n",
            "PL209",
            "link",
            "plain files",
        ),
        (
            "the loss is NaN",
            TRAINING.replace("    model.export", f"    {NAN}\n    model.export"),
            "PC403",
            "model",
            "learning rate",
        ),
        (
            "run_fn exits",
            "def run_fn(fn_args):\n    import os\n    os._exit(7)\n",
            "PL422",
            "exit code 7",
            "the log",
        ),
        (
            "run_fn never ends",
            "def run_fn(fn_args):\n    while True:\n        pass\n",
            "PL423",
            "given.py:2",
            "timeout",
        ),
    )
]


@pytest.mark.parametrize("case", MODELS, ids=lambda case: case.name)
def test_models(case: Case, refused: Refused) -> None:
    refused(case, module(TRAINING + f"# {case.name}\n"))
