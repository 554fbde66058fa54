"""UserModule and Secret."""

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from pipeline_lib import Secret, UserModule
from pipeline_lib.errors import SecretError, SecretReferenceError, UserModuleError


def test_loads_a_dotted_module() -> None:
    assert UserModule("json").load() is json


def test_loads_a_file_and_its_siblings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    (tmp_path / "sibling_of_model.py").write_text("ONE = 1\n")
    (tmp_path / "model.py").write_text("from sibling_of_model import ONE\n\ndef run_fn():\n    return ONE\n")
    module = UserModule(str(tmp_path / "model.py"))
    assert module.load().run_fn() == 1
    assert module.load() is module.load()


def test_two_files_of_one_name_are_two_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.py").write_text(f"NAME = {folder!r}\n")
    names = [UserModule(str(tmp_path / folder / "model.py")).load().NAME for folder in ("a", "b")]
    assert names == ["a", "b"]


def test_modules_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserModuleError, match="there is no module nowhere_at_all"):
        UserModule("nowhere_at_all.model").load()
    with pytest.raises(UserModuleError, match="there is no file"):
        UserModule(str(tmp_path / "x.py")).load()
    with pytest.raises(UserModuleError, match="names no module"):
        UserModule("a b")


def test_a_missing_import_inside_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "needs_more.py").write_text("import not_there_either\n")
    with pytest.raises(ModuleNotFoundError, match="not_there_either"):
        UserModule("needs_more").load()


def test_secrets_are_references(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_PASSWORD", "s3cret")
    (tmp_path / "key").write_text("k3y\n")
    assert Secret("env:A_PASSWORD").reveal() == "s3cret"
    assert Secret(f"file:{tmp_path / 'key'}").reveal() == "k3y"
    assert "s3cret" not in repr(Secret("env:A_PASSWORD"))


def test_secrets_given_by_value_are_refused_without_repeating_them() -> None:
    with pytest.raises(SecretReferenceError, match="by reference, not by value") as caught:
        Secret("hunter2")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SecretError, match="NOT_SET_AT_ALL is not set"):
        Secret("env:NOT_SET_AT_ALL").reveal()


@pytest.mark.parametrize("kind", [UserModule, Secret])
def test_json_is_the_text(kind: type[str]) -> None:
    text = "env:X" if kind is Secret else "a.b"
    adapter = TypeAdapter(kind)
    value = adapter.validate_json(json.dumps(text), strict=True)
    assert type(value) is kind
    assert adapter.dump_python(value, mode="json") == text
    assert adapter.json_schema()["type"] == "string"
