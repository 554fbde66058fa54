"""Artifacts as authors write and read them."""

import pickle
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from pipeline_lib import Artifact, later, workspace
from pipeline_lib.errors import (
    MissingPayloadError,
    NoWorkspaceError,
    PropertyTypeError,
    UnknownPropertyError,
    UnsetPropertyError,
)


class Fitted(Artifact, type_name="FittedModel", base_type="Model", declared=("accuracy",)):
    accuracy: float
    framework: str = "keras"
    day: date | None = None
    layers: int = later()
    tags: dict[str, str] = {}  # a default as an author writes it


class Tuned(Fitted):
    trials: int = 1


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Path]:
    with workspace(tmp_path / "staging"):
        yield tmp_path / "staging"


def test_a_class_names_its_type(staging: Path) -> None:
    assert (Fitted.type_name, Fitted.base_type, Fitted.declared) == ("FittedModel", "Model", ("accuracy",))
    assert (Tuned.type_name, Tuned.base_type) == ("Tuned", "Model")
    assert list(Tuned.property_specs()) == ["accuracy", "framework", "day", "layers", "tags", "trials"]


def test_new_makes_an_empty_directory_of_its_own(staging: Path) -> None:
    first, second = Fitted.new(accuracy=0.9), Fitted.new(accuracy=0.9)
    assert first.path.parent == second.path.parent == staging
    assert first.path != second.path
    assert list(first.path.iterdir()) == []
    assert (first.digest, first.id, first.uri) == ("", None, str(first.path))


def test_properties_are_read_and_set(staging: Path) -> None:
    fitted = Fitted.new(accuracy=0.9)
    fitted.layers = 3
    fitted.day = date(2013, 6, 1)
    assert (fitted.accuracy, fitted.framework, fitted.layers) == (0.9, "keras", 3)
    fitted.require_complete()
    assert fitted.property_values()["day"] == date(2013, 6, 1)


def test_what_is_later_must_be_set(staging: Path) -> None:
    fitted = Fitted.new(accuracy=0.9)
    with pytest.raises(UnsetPropertyError, match=r"Fitted\.layers is not set"):
        _ = fitted.layers
    with pytest.raises(UnsetPropertyError, match=r"Fitted\.layers was never set"):
        fitted.require_complete()


def test_what_is_required_must_be_given(staging: Path) -> None:
    with pytest.raises(PropertyTypeError, match=r"Fitted\.new needs accuracy"):
        Fitted.new()  # type: ignore[call-arg]


def test_an_unknown_property_is_an_attribute_error(staging: Path) -> None:
    with pytest.raises(UnknownPropertyError, match="no property acuracy") as caught:
        Fitted.new(acuracy=1.0)  # type: ignore[call-arg]
    assert caught.value.fix == "did you mean accuracy?"
    assert not hasattr(Fitted.new(accuracy=1.0), "depth")


@pytest.mark.parametrize(("name", "value"), [("accuracy", "high"), ("layers", 1.5), ("day", "2013-06-01")])
def test_a_value_of_another_type_is_refused(staging: Path, name: str, value: object) -> None:
    fitted = Fitted.new(accuracy=0.9)
    with pytest.raises(PropertyTypeError, match=name):
        setattr(fitted, name, value)


def test_a_default_is_not_shared(staging: Path) -> None:
    first = Fitted.new(accuracy=0.9)
    first.tags["a"] = "b"
    assert Fitted.new(accuracy=0.9).tags == {}


def test_outside_a_body_there_is_no_place_for_outputs() -> None:
    with pytest.raises(NoWorkspaceError, match="outside a component's body"):
        Fitted.new(accuracy=0.9)


def test_at_refers_to_files_and_may_leave_properties_out(tmp_path: Path) -> None:
    known = Fitted.at(tmp_path, digest="d", id=4, accuracy=0.5)
    assert (known.path, known.digest, known.id, known.accuracy) == (tmp_path, "d", 4, 0.5)
    assert known.framework == "keras"
    with pytest.raises(UnsetPropertyError, match="layers"):
        _ = known.layers
    assert Fitted.at(f"file://{tmp_path}").path == tmp_path


def test_files_that_are_gone_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingPayloadError, match="Tuned has no files"):
        _ = Tuned.at(tmp_path / "gone").path


def test_it_says_what_it_is(tmp_path: Path) -> None:
    assert repr(Fitted.at(tmp_path, accuracy=0.5)) == f"Fitted(accuracy=0.5) at {tmp_path}"


def test_it_is_pickled(tmp_path: Path) -> None:
    copy = pickle.loads(pickle.dumps(Fitted.at(tmp_path, accuracy=0.5)))
    assert (copy.uri, copy.accuracy) == (str(tmp_path), 0.5)
