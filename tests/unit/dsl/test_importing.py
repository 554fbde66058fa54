"""An importer's node: kind, uri and properties, checked where they are written."""

import pytest

from pipeline_lib import Examples, Model, importer, when
from pipeline_lib.errors import (
    ConditionalUseError,
    ParameterTypeError,
    UnknownPropertyError,
    WireTypeError,
)
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import KerasModel, compiled, ingest, push, train


def test_its_node_says_what_to_import_and_from_where() -> None:
    def body(uri: str, accuracy: float = 0.5) -> None:
        push(importer(KerasModel, uri, properties={"accuracy": accuracy, "scores": {}}))

    node = compiled(body).node("import_keras_model")
    assert (node.kind, str(node.code)) == ("importer", "unit.dsl.parts:KerasModel")
    assert node.parameters["uri"] == ex.FromParameter(name="uri")
    fields = node.parameters["properties"]
    assert isinstance(fields, ex.Struct)
    assert fields.fields["accuracy"] == ex.FromParameter(name="accuracy")
    assert node.outputs["result"].artifact_type == "KerasModel"


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(WireTypeError, match="importer cannot make 'Model'"):
        compiled(lambda: importer("Model", "/m"))  # type: ignore[arg-type]
    with pytest.raises(ParameterTypeError, match=r"import_model\.uri cannot be 3"):
        compiled(lambda: importer(Model, 3))  # type: ignore[arg-type]
    with pytest.raises(ParameterTypeError, match="import_examples does not say split_names"):
        compiled(lambda: importer(Examples, "/e"))
    with pytest.raises(UnknownPropertyError, match="has no property acuracy") as caught:
        compiled(lambda: importer(KerasModel, "/m", properties={"acuracy": 1.0}))
    assert caught.value.fix == "did you mean accuracy?"


def test_a_property_of_what_may_not_exist_is_refused() -> None:
    def body(force: bool = False) -> None:
        with when(force):
            model = train(ingest()).model
        importer(KerasModel, "/m", properties={"accuracy": model.accuracy, "scores": {}})

    with pytest.raises(ConditionalUseError, match=r"import_keras_model\.accuracy: train\.model"):
        compiled(body)
