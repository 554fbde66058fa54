"""A model is tried in a real server: what answers right is blessed, all else is not, and says why."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from integration.stand_ins import docker, model_server
from pipeline_components.errors import TrialError
from pipeline_components.push import push
from pipeline_components.validate_infra import RequestSpec, ServingSpec, ValidationSpec, validate_infra
from pipeline_lib import Examples, InfraBlessing, Model, workspace
from pipeline_lib.artifacts.workspace import Workspace, use_workspace
from pipeline_lib.serving.fleet import golden

pytestmark = pytest.mark.xdist_group("push-to-servers")

ROWS = {"distance": [100.0, None, 300.0], "hour": [1, 2, None], "carrier": ["UA", None, "Zürich"]}


@pytest.fixture(autouse=True)
def space(tmp_path: Path) -> Iterator[None]:
    with workspace(tmp_path / "staging"):
        yield


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    root = tmp_path_factory.mktemp("examples")
    (root / "Split-eval").mkdir()
    pq.write_table(pa.table(ROWS), root / "Split-eval" / "rows.parquet")
    return Examples.at(root, span=1, version=0, split_names=["eval"])


Save = Callable[..., Model]


@pytest.fixture(scope="module")
def save(tmp_path_factory: pytest.TempPathFactory) -> Save:
    def saved(name: str, *, factor: float = 2.0, column: str = "distance", dtype: str = "float32") -> Model:
        import tensorflow as tf

        class Delay(tf.Module):
            def __init__(self) -> None:
                super().__init__()
                self.factor = tf.Variable(factor, dtype=tf.float32)

            def columns(self, **given: Any) -> Any:
                value = given[column]
                number = tf.strings.to_number("0") if dtype == "string" else tf.cast(value, tf.float32)
                finite = tf.where(tf.math.is_nan(number), 0.0, number)
                return {"delay": self.factor * finite, "carrier": given["carrier"]}

            def examples(self, examples: Any) -> Any:
                spec = {"distance": tf.io.FixedLenFeature([], tf.float32, default_value=0.0)}
                return {"delay": self.factor * tf.io.parse_example(examples, spec)["distance"]}

        module = Delay()
        specs = {
            column: tf.TensorSpec([None, 1], tf.as_dtype(dtype), name=column),
            "carrier": tf.TensorSpec([None, 1], tf.string, name="carrier"),
        }
        columns = tf.function(module.columns).get_concrete_function(**specs)
        serialised = tf.TensorSpec([None], tf.string, name="examples")
        from_examples = tf.function(module.examples).get_concrete_function(serialised)
        root = tmp_path_factory.mktemp(name)
        signatures = {"columns": columns, "serving_default": from_examples}
        tf.saved_model.save(module, str(root / "Format-Serving"), signatures=signatures)
        return Model.at(root, id=3)

    return saved


def reasons(blessing: InfraBlessing) -> str:
    assert not blessing.blessed
    assert not blessing.has_model
    assert (blessing.path / "INFRA_NOT_BLESSED").exists()
    assert not (blessing.path / "stamped_model").exists()
    assert json.loads((blessing.path / "reasons.json").read_text())["reasons"] == blessing.reasons
    return "; ".join(blessing.reasons)


@pytest.fixture(scope="module")
def good(
    save: Save, examples: Examples, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Model, InfraBlessing]:
    """A model that passes, tried in what speaks tensorflow_model_server's command line, and its verdict."""
    model, command = save("good"), model_server(tmp_path_factory.mktemp("bin"))
    with workspace(tmp_path_factory.mktemp("staging")):
        return model, validate_infra.run(model, [examples], serving=ServingSpec(command=str(command)))


def test_a_model_that_answers_right_is_blessed(good: tuple[Model, InfraBlessing]) -> None:
    _, blessing = good
    assert blessing.reasons == []
    assert blessing.blessed
    assert blessing.has_model
    assert blessing.load_seconds is not None
    assert blessing.latency_seconds is not None
    stamped = blessing.path / "stamped_model"
    requests = golden.from_text((stamped / golden.FILE).read_text())
    by_name = {request.signature: request for request in requests}
    assert by_name["columns"].outputs["delay"].values == [[200.0], [0.0], [600.0]]
    assert by_name["columns"].outputs["carrier"].values == [["UA"], [""], ["Zürich"]]
    assert by_name["serving_default"].outputs["delay"].values == [200.0, 0.0, 600.0]
    assert (stamped / "assets.extra/tf_serving_warmup_requests").stat().st_size > 0


def test_what_was_tried_is_what_is_pushed(good: tuple[Model, InfraBlessing], tmp_path: Path) -> None:
    model, blessing = good
    pushed = push.run(model, None, blessing, name="delays", destination=str(tmp_path / "serving"))
    assert pushed.pushed_destination is not None
    assert (Path(pushed.pushed_destination) / golden.FILE).exists()


def test_what_no_server_need_be_asked_about(save: Save, examples: Examples, tmp_path: Path) -> None:
    no_file = Model.at(tmp_path)
    assert "no saved_model.pb" in reasons(validate_infra.run(no_file, [examples]))
    model = save("unfit", column="altitude")
    assert "takes altitude, which the examples do not have" in reasons(validate_infra.run(model, [examples]))
    wrong = save("wrong", column="carrier2", dtype="float32")
    assert "takes carrier2" in reasons(validate_infra.run(wrong, [examples]))
    spec = RequestSpec(signature_names=("other",))
    assert "no signature other; it has columns" in reasons(
        validate_infra.run(model, [examples], requests=spec)
    )
    (model.path / "Format-Serving/saved_model.pb").write_bytes(b"\x08\x01\xff\xff")
    assert "saved_model.pb is damaged" in reasons(validate_infra.run(model, [examples]))


def test_text_where_a_number_is_wanted(save: Save, examples: Examples) -> None:
    from pipeline_components.validate_infra._requests import Unfit, request_for, rows_of, signatures_of

    model = save("types", column="hour", dtype="string")
    definition = signatures_of(model.path / "Format-Serving")["columns"]
    rows = rows_of([examples], None, 3)
    with pytest.raises(Unfit, match="takes text in 'hour', and the examples have numbers"):
        request_for("columns", definition, rows)
    swapped = [{"hour": "late", "carrier": "UA"}]
    definition.inputs["hour"].dtype = 9
    with pytest.raises(Unfit, match="takes int64 in 'hour', and the examples have text"):
        request_for("columns", definition, swapped)


def test_an_unknown_split_is_an_error(save: Save, examples: Examples) -> None:
    with pytest.raises(TrialError, match="no split 'test'"):
        validate_infra.run(save("split"), [examples], requests=RequestSpec(split_name="test"))


def test_nan_size_and_latency_are_all_told(save: Save, examples: Examples, tmp_path: Path) -> None:
    """In a container, whose command the profile names."""
    limits = ValidationSpec(max_latency_seconds=1e-9, max_size_megabytes=1e-6)
    command = (
        f"{docker(tmp_path)} run --rm --init --network=host --volume={{base_path}}:/models/{{name}}:ro "
        "tensorflow/serving --port={grpc_port} --rest_api_port={rest_port} --model_name={name} "
        "--model_base_path=/models/{name}"
    )
    context = {"serving": {"base_path": "/none", "trial": command}}
    with use_workspace(Workspace(staging=tmp_path / "staging", context=context)):
        verdict = validate_infra.run(save("nan", factor=float("nan")), [examples], validation=limits)
    told = reasons(verdict)
    assert "output 'delay' of 'columns' is NaN or infinite" in told
    assert "MB, allowed are 1e-06 MB" in told
    assert "the slowest request took" in told


def test_a_model_that_does_not_load_is_not_blessed(save: Save) -> None:
    model = save("truncated")
    shard = model.path / "Format-Serving/variables/variables.data-00000-of-00001"
    shard.write_bytes(shard.read_bytes()[:2])
    assert "the server cannot load it" in reasons(validate_infra.run(model))


def test_a_server_that_does_not_start_is_an_error(save: Save, examples: Examples) -> None:
    never = replace(ValidationSpec(), num_tries=2)
    with pytest.raises(TrialError, match="does not answer"):
        validate_infra.run(
            save("none"), [examples], serving=ServingSpec(command="false {name}"), validation=never
        )
