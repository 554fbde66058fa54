"""Messages of TensorFlow Serving's configuration that tensorflow-serving-api leaves out; and text forms.

Names and numbers of the fields are those of `session_bundle_config.proto` and `ssl_config.proto`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2

from pipeline_lib.errors import ServerSettingsError

WRAPPED_PARAMETERS = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")

_Kinds = descriptor_pb2.FieldDescriptorProto
_INT64 = {"type": _Kinds.TYPE_MESSAGE, "type_name": ".google.protobuf.Int64Value"}
_WRAPPED_TEXT = {"type": _Kinds.TYPE_MESSAGE, "type_name": ".google.protobuf.StringValue"}
_TEXT, _BOOL = {"type": _Kinds.TYPE_STRING}, {"type": _Kinds.TYPE_BOOL}


def batching_parameters() -> Any:
    """An empty BatchingParameters."""
    fields = [(name, _INT64) for name in WRAPPED_PARAMETERS] + [
        ("thread_pool_name", _WRAPPED_TEXT),
        ("allowed_batch_sizes", {"type": _Kinds.TYPE_INT64, "label": _Kinds.LABEL_REPEATED}),
        ("pad_variable_length_inputs", _BOOL),
    ]
    return _message("BatchingParameters", fields)


def ssl_config() -> Any:
    """An empty SSLConfig."""
    texts = [(name, _TEXT) for name in ("server_key", "server_cert", "custom_ca")]
    return _message("SSLConfig", [*texts, ("client_verify", _BOOL)])


def parse_file(file: Path, message: Any, what: str) -> None:
    """Fill a message from its text form.

    Raises:
        ServerSettingsError: The file cannot be read, or is none.
    """
    try:
        text_format.Parse(file.read_text(), message)
    except (OSError, UnicodeDecodeError) as error:
        raise ServerSettingsError(
            f"the file cannot be read: {error}", at=str(file), fix="give one that is there"
        ) from error
    except text_format.ParseError as error:
        raise ServerSettingsError(
            f"this is not {what} in text form: {error}", at=str(file), fix="write it as TensorFlow Serving's"
        ) from error


def _message(name: str, fields: Sequence[tuple[str, Mapping[str, Any]]]) -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"pipeline_lib/{name}.proto",
        package="pipeline_lib.serving",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    made = file.message_type.add(name=name)
    for number, (field, options) in enumerate(fields, start=1):
        made.field.add(name=field, number=number, **{"label": _Kinds.LABEL_OPTIONAL, **options})
    pool = descriptor_pool.DescriptorPool()
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    pool.Add(wrappers)
    pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"pipeline_lib.serving.{name}"))
    return kind()
