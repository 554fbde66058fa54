"""Messages that no package has, with the numbers of TensorFlow Serving's fields."""

from pathlib import Path

import pytest

from pipeline_lib.errors import ServerSettingsError
from pipeline_lib.serving.server.protos import batching_parameters, parse_file, ssl_config


def test_numbers_of_fields() -> None:
    """As in session_bundle_config.proto and ssl_config.proto."""
    fields = {field.name: field.number for field in batching_parameters().DESCRIPTOR.fields}
    assert fields == {
        "max_batch_size": 1,
        "batch_timeout_micros": 2,
        "max_enqueued_batches": 3,
        "num_batch_threads": 4,
        "thread_pool_name": 5,
        "allowed_batch_sizes": 6,
        "pad_variable_length_inputs": 7,
    }
    fields = {field.name: field.number for field in ssl_config().DESCRIPTOR.fields}
    assert fields == {"server_key": 1, "server_cert": 2, "custom_ca": 3, "client_verify": 4}


def test_text_forms(tmp_path: Path) -> None:
    message, file = ssl_config(), tmp_path / "ssl.conf"
    with pytest.raises(ServerSettingsError, match="cannot be read"):
        parse_file(file, message, "an SSLConfig")
    file.write_text("key: 1")
    with pytest.raises(ServerSettingsError, match="not an SSLConfig in text form"):
        parse_file(file, message, "an SSLConfig")
    file.write_text('server_key: "a" client_verify: true')
    parse_file(file, message, "an SSLConfig")
    assert (message.server_key, message.client_verify) == ("a", True)
