"""Modules of the user that do not import, lack a function, raise, return nonsense or never end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from integration.bad_input.conftest import GOOD, Case, Refused, complete_of_failed
from integration.bad_input.test_schemas import SCHEMA
from unit.cli.command import Command

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
LABELLED = """
from pipeline_components.train import TensorFlowDatasetOptions

def run_fn(fn_args):
    options = TensorFlowDatasetOptions(batch_size=4, label_key="late")
    fn_args.data_accessor.tf_dataset_factory(fn_args.train_files, options)
"""
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
            "a label_key that is no column",
            LABELLED,
            "PC404",
            "late",
            "name a column of the data",
        ),
    )
]


@pytest.mark.parametrize("case", MODELS, ids=lambda case: case.name)
def test_models(case: Case, refused: Refused) -> None:
    refused(case, module(TRAINING + f"# {case.name}\n"))


def test_training_that_never_ends(command: Command) -> None:
    """Less time than a whole training takes: what is mended is the module, and how long it may take."""
    module("def run_fn(fn_args):\n    while True:\n        pass\n")(command.folder)
    said = command.failing("run", "trained-briefly", "-p", "source=in.csv")
    assert "[PL423]" in said
    assert "given.py:" in said
    assert "timeout" in said.partition("fix:")[2]
    assert not complete_of_failed(command)
    module(TRAINING)(command.folder)
    command("run", "trained", "-p", "source=in.csv")


BUILD = """
import keras
LABEL = "number"

def build(features, hyperparameters):
    model = keras.Model(features, keras.layers.Dense(1)(features["id"]))
    model.compile("sgd", "mse")
    return model
"""


ONE_EACH = SCHEMA.replace("presence", "value_count { min: 1 max: 1 } presence")
LATE = SCHEMA.splitlines()[2].replace("number", "late")


@pytest.mark.parametrize(
    ("schema", "label", "fix"),
    [
        pytest.param(ONE_EACH + LATE, "late", "name a dense feature", id="not-in-the-data"),
        pytest.param(SCHEMA, "number", "give number `value_count", id="not-in-every-row"),
    ],
)
def test_a_label_that_the_schema_names(schema: str, label: str, fix: str, refused: Refused) -> None:
    def spoil(folder: Path) -> None:
        (folder / "schema.pbtxt").write_text(schema)
        module(BUILD.replace('LABEL = "number"', f'LABEL = "{label}"'))(folder)

    def mend(folder: Path) -> None:
        (folder / "schema.pbtxt").write_text(ONE_EACH)
        module(BUILD)(folder)

    given = ("source=in.csv", "schema=schema.pbtxt")
    refused(Case("label", spoil, "PC404", "given.py", fix, "trained-as-told", given), mend)


def test_a_label_to_evaluate_by_that_the_examples_lack(command: Command) -> None:
    module(BUILD)(command.folder)
    given = ("-p", "source=in.csv", "-p")
    said = command.failing("run", "evaluated", *given, "label=numbr")
    assert "[PC501] the examples have no column 'numbr' (label)" in said
    assert "has: id, text, number" in said
    assert "did you mean 'number'?" in said.partition("fix:")[2]
    assert not complete_of_failed(command)
    command("run", "evaluated", *given, "label=number")
