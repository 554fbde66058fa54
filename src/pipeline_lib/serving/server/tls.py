"""TLS of the server, by TensorFlow Serving's `--ssl_config_file`."""

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from pipeline_lib.errors import ServerSettingsError
from pipeline_lib.serving.server.protos import parse_file, ssl_config


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """Who the server is, and whom it lets in; all in PEM form.

    Attributes:
        client_ca: Whose clients are let in; b"" for the system's.
        asks_clients: Whether a client without a certificate is refused.
    """

    key: bytes
    certificate: bytes
    client_ca: bytes = b""
    asks_clients: bool = False

    def for_rest(self) -> ssl.SSLContext:
        """What the REST interface listens with.

        Raises:
            ssl.SSLError: Key and certificate are none, or not a pair.
        """
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as chain:  # only its owner may read it
            chain.write(self.key + b"\n" + self.certificate)
            chain.flush()
            made.load_cert_chain(chain.name)
        if self.asks_clients:
            made.verify_mode = ssl.CERT_REQUIRED
            if self.client_ca:
                made.load_verify_locations(cadata=self.client_ca.decode())
            else:
                made.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return made

    def for_grpc(self) -> Any:
        """What the gRPC interface listens with."""
        return grpc.ssl_server_credentials(
            [(self.key, self.certificate)],
            root_certificates=self.client_ca or None,
            require_client_auth=self.asks_clients,
        )


def read_ssl_file(file: Path) -> ServerTls:
    """A file with an `SSLConfig` in text form.

    Raises:
        ServerSettingsError: It cannot be read, is not one, or key and certificate are not a pair.
    """
    message = ssl_config()
    parse_file(file, message, "an SSLConfig")
    found = ServerTls(
        key=message.server_key.encode(),
        certificate=message.server_cert.encode(),
        client_ca=message.custom_ca.encode(),
        asks_clients=message.client_verify,
    )
    try:
        found.for_rest()
    except ssl.SSLError as error:
        raise ServerSettingsError(
            f"key and certificate cannot be used: {error.reason or error}",
            at=str(file),
            fix="give server_key and server_cert of one another, in PEM form",
        ) from error
    if found.asks_clients and not found.client_ca:
        raise ServerSettingsError(
            "nothing says whose clients to let in", at=str(file), fix="give custom_ca beside client_verify"
        )
    return found
