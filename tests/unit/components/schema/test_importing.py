"""`import_schema`: text or binary in, checked; mistakes are shown by line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline_components.errors import SchemaFileError, SourceChangedError
from pipeline_components.schema import import_schema
from pipeline_components.schema.importing import digest_schema_file
from pipeline_components.schema_files import read_schema
from pipeline_lib import Schema, workspace

TEXT = 'feature {\n  name: "a"\n  type: INT  # counts\n}\n'


@pytest.fixture(autouse=True)
def _staging(tmp_path: Path) -> Iterator[None]:
    with workspace(tmp_path / "staging"):
        yield


def test_text_is_kept_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "x.pbtxt").write_text(TEXT)
    schema = import_schema.run(source=str(tmp_path / "x.pbtxt"))
    assert (schema.path / "schema.pbtxt").read_text() == TEXT
    assert read_schema(schema).feature[0].type == schema_pb2.INT


def test_binary_becomes_text(tmp_path: Path) -> None:
    proto = schema_pb2.Schema(feature=[schema_pb2.Feature(name="a", type=schema_pb2.INT)])
    (tmp_path / "x.pb").write_bytes(proto.SerializeToString())
    schema = import_schema.run(source=str(tmp_path / "x.pb"))
    assert read_schema(schema) == proto


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        pytest.param('feature {\n  nam: "a"\n}', "holds no schema", ":2", id="unknown-field"),
        pytest.param("", "has no features", "", id="empty"),
        pytest.param(
            'feature { name: "a" } feature { name: "a" }', "feature a is there twice", "", id="twice"
        ),
        pytest.param(
            'feature { name: "a" domain: "d" }', "names a domain d that is not there", "", id="domain"
        ),
    ],
)
def test_schemas_that_cannot_be(tmp_path: Path, text: str, what: str, line: str) -> None:
    file = tmp_path / "x.pbtxt"
    file.write_text(text)
    with pytest.raises(SchemaFileError, match=what) as caught:
        import_schema.run(source=str(file))
    assert caught.value.at == f"{file}{line}"


def test_the_driver_digests_the_file(tmp_path: Path) -> None:
    file = tmp_path / "x.pbtxt"
    file.write_text(TEXT)
    before = digest_schema_file({"source": str(file)})
    file.write_text(TEXT + "\n")
    assert digest_schema_file({"source": str(file)}) != before
    with pytest.raises(SchemaFileError, match="cannot be read"):
        digest_schema_file({"source": f"{file}.gone"})


def test_a_file_edited_after_the_driver_read_it_is_not_taken(tmp_path: Path) -> None:
    """It would be published under the cache key of what the driver read."""
    file = tmp_path / "x.pbtxt"
    file.write_text(TEXT)
    found = digest_schema_file({"source": str(file)})
    assert import_schema.run(source=str(file), **found)
    file.write_text(TEXT + "# later")
    with pytest.raises(SourceChangedError, match="edited while its node"):
        import_schema.run(source=str(file), **found)


def test_an_artifact_without_its_file(tmp_path: Path) -> None:
    with pytest.raises(SchemaFileError, match="has no schema"):
        read_schema(Schema.at(tmp_path))
