"""Schema files: text on disk, checked when they enter."""

import hashlib
from pathlib import Path

import fsspec
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline_components.errors import SchemaFileError, SourceChangedError
from pipeline_lib import Schema

SCHEMA_FILE = "schema.pbtxt"


def read_schema(schema: Schema) -> schema_pb2.Schema:
    """The schema that an artifact holds.

    Raises:
        SchemaFileError: Its file is not there or holds no schema.
    """
    file = schema.path / SCHEMA_FILE
    try:
        return parse_schema(file.read_bytes(), at=str(file))
    except OSError as error:
        raise SchemaFileError(
            f"the artifact has no {SCHEMA_FILE}", at=str(file), fix="write it there, as text"
        ) from error


def write_schema(proto: schema_pb2.Schema) -> Schema:
    """A new artifact with that schema."""
    schema = Schema.new()
    (schema.path / SCHEMA_FILE).write_text(text_format.MessageToString(proto))
    return schema


def import_file(source: str, *, sha256: str = "") -> Schema:
    """A new artifact from a file; comments in its text are kept.

    Args:
        source: Path or URL.
        sha256: Of the bytes that the cache key counts; "" if there is no key.

    Raises:
        SchemaFileError: It is not there, or holds no schema, or one that contradicts itself.
        SourceChangedError: It has other bytes by now.
    """
    try:
        with fsspec.open(source, "rb") as file:
            content = file.read()
    except (OSError, ImportError, ValueError) as error:
        raise SchemaFileError(
            "the schema file cannot be read", got=error, at=source, fix="check the path"
        ) from error
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise SourceChangedError(
            "the schema file was edited while its node was being started", at=source, fix="run again"
        )
    proto = parse_schema(content, at=source)
    _require_sound(proto, at=source)
    if source.endswith(".pb"):
        return write_schema(proto)
    schema = Schema.new()
    Path(schema.path / SCHEMA_FILE).write_bytes(content)
    return schema


def parse_schema(content: bytes, *, at: str) -> schema_pb2.Schema:
    """A schema from its text or binary form.

    Raises:
        SchemaFileError: It is neither.
    """
    proto = schema_pb2.Schema()
    try:
        if at.endswith(".pb"):
            proto.ParseFromString(content)
        else:
            text_format.Parse(content.decode(), proto)
    except (text_format.ParseError, DecodeError, UnicodeDecodeError) as error:
        line = getattr(error, "GetLine", lambda: None)()
        raise SchemaFileError(
            "the file holds no schema",
            got=error,
            needs="tensorflow.metadata.v0.Schema, as text (.pbtxt) or binary (.pb)",
            at=at if line is None else f"{at}:{line}",
            fix="mend that line; `infer_schema` shows what a schema looks like",
        ) from error
    return proto


def _require_sound(proto: schema_pb2.Schema, *, at: str) -> None:
    names = [feature.name for feature in proto.feature]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise SchemaFileError("the schema has no features", at=at, fix="describe at least one column")
    if twice:
        raise SchemaFileError(f"feature {twice[0]} is there twice", at=at, fix="keep one of them")
    domains = {domain.name for domain in proto.string_domain}
    for feature in proto.feature:
        if feature.domain and feature.domain not in domains:
            raise SchemaFileError(
                f"feature {feature.name} names a domain {feature.domain} that is not there",
                known=", ".join(sorted(domains)),
                at=at,
                fix=f"add string_domain {{ name: {feature.domain!r} ... }}",
            )
