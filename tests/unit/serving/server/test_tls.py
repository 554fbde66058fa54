"""TLS files that cannot be used are told of at the start."""

import ssl
from pathlib import Path

import pytest

from integration.certificates import Authority, ssl_config
from pipeline_lib.errors import ServerSettingsError
from pipeline_lib.serving.server.tls import read_ssl_file


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def test_a_file_that_is_right(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ssl.conf"
    file.write_text(ssl_config(authority.issue("server"), clients_of=authority.file))
    found = read_ssl_file(file)
    assert found.asks_clients
    context = found.for_rest()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 1
    file.write_text(ssl_config(authority.issue("server")))
    assert read_ssl_file(file).for_rest().verify_mode is ssl.CERT_NONE


def test_files_that_cannot_be_used(authority: Authority, tmp_path: Path) -> None:
    file, one, two = tmp_path / "ssl.conf", authority.issue("one"), authority.issue("two")
    one.key.write_bytes(two.key.read_bytes())
    file.write_text(ssl_config(one))
    with pytest.raises(ServerSettingsError, match="key and certificate cannot be used"):
        read_ssl_file(file)
    file.write_text('server_key: "no" server_cert: "no"')
    with pytest.raises(ServerSettingsError, match="key and certificate cannot be used"):
        read_ssl_file(file)
    file.write_text(ssl_config(two).replace("false", "true"))
    with pytest.raises(ServerSettingsError, match="whose clients"):
        read_ssl_file(file)
