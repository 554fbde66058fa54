"""importer: existing files as an artifact of the run."""

from datetime import date

import pytest

from pipeline_lib import Examples, Model, importer
from pipeline_lib.errors import ParameterTypeError, UnknownPropertyError, WireTypeError
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import KerasModel, compiled, judge


def test_importer_brings_in_existing_files() -> None:
    def body(uri: str) -> None:
        model = importer(KerasModel, uri, properties={"accuracy": 0.5, "trained_on": date(2013, 1, 1)})
        judge(model)

    plan = compiled(body)
    node = plan.node("import_keras_model")
    assert (node.kind, node.outputs["result"].artifact_type) == ("importer", "KerasModel")
    assert node.parameters == {
        "uri": ex.FromParameter(name="uri"),
        "properties": ex.Struct(
            fields={"accuracy": ex.Constant(value=0.5), "trained_on": ex.Constant(value="2013-01-01")}
        ),
    }
    assert plan.node("judge").inputs["model"].source == ex.FromOutput(node=node.id, port="result")


def test_importer_checks_what_it_is_given() -> None:
    with pytest.raises(UnknownPropertyError, match="KerasModel has no property acuracy") as caught:
        compiled(lambda: importer(KerasModel, "/x", properties={"acuracy": 1}))
    assert caught.value.fix == "did you mean accuracy?"
    with pytest.raises(ParameterTypeError, match=r"import_examples does not say split_names"):
        compiled(lambda: importer(Examples, "/x"))
    with pytest.raises(ParameterTypeError, match=r"import_model\.uri cannot be 3"):
        compiled(lambda: importer(Model, 3))  # type: ignore[arg-type]
    with pytest.raises(WireTypeError, match="importer cannot make"):
        compiled(lambda: importer(int, "/x"))  # type: ignore[type-var]
