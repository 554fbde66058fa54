"""gRPC and REST with TLS, certificates of both sides checked: clients, pushes, curl."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from integration.certificates import Authority, Pair, ssl_config
from integration.model_servers import Server, export, serving
from pipeline_lib.errors import ServerUnreachableError
from pipeline_lib.serving.clients.rest import RestClient
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings, TlsSettings

pytestmark = pytest.mark.xdist_group("model_server")


@dataclass(frozen=True)
class Site:
    server: Server
    authority: Authority
    client: Pair

    def tls(self, *, ca: Path | None = None, certificate: bool = True) -> TlsSettings:
        ours = {"certificate": self.client.certificate, "key": self.client.key} if certificate else {}
        return TlsSettings(ca=ca or self.authority.file, **ours)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("tls")
    authority = Authority(root / "authority")
    export(root / "exports/times2", 2.0)
    shutil.copytree(root / "exports/times2", root / "models/scale/1")
    (root / "ssl.conf").write_text(ssl_config(authority.issue("server"), clients_of=authority.file))
    options = ["--base-path", str(root / "models"), "--ssl-config-file", str(root / "ssl.conf")]
    with serving(root, *options) as server:
        assert server.rest.startswith("https://127.0.0.1:")
        yield Site(server, authority, authority.issue("client"))


def test_both_clients(site: Site) -> None:
    from pipeline_lib.serving.clients.rpc import GrpcClient

    with GrpcClient(site.server.grpc, tls=site.tls()) as client:
        assert client.predict("scale", {"x": np.array([1.5], np.float32)})["y"].tolist() == [3.0]
    with RestClient(site.server.rest, tls=site.tls()) as client:
        assert client.predict("scale", [1.5]) == [3.0]


@pytest.mark.parametrize("stranger", ["trusts-others", "without-certificate", "without-tls"])
def test_strangers_are_not_let_in(site: Site, stranger: str, tmp_path: Path) -> None:
    from pipeline_lib.serving.clients.rpc import GrpcClient

    tls = {
        "trusts-others": site.tls(ca=Authority(tmp_path, "other").file),
        "without-certificate": site.tls(certificate=False),
        "without-tls": None,
    }[stranger]
    with GrpcClient(site.server.grpc, tls=tls, tries=1, timeout_seconds=5) as client:
        with pytest.raises(ServerUnreachableError, match="does not answer"):
            client.status("scale")
    url = site.server.rest.replace("https", "http") if tls is None else site.server.rest
    with RestClient(url, tls=tls, tries=1, timeout_seconds=5) as client:
        with pytest.raises(ServerUnreachableError, match="does not answer"):
            client.status("scale")


def test_curl(site: Site) -> None:
    command = ["curl", "-s", "--cacert", str(site.authority.file), "--cert", str(site.client.certificate)]
    command += ["--key", str(site.client.key), "-d", '{"instances": [1.0, 5.0]}']
    url = f"{site.server.rest}/v1/models/scale:predict"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    assert done.stdout == '{"predictions":[2.0,10.0]}'


@pytest.mark.parametrize("control", ["reload", "follow"])
def test_a_push_speaks_tls_to_the_replicas(site: Site, control: str) -> None:
    settings = ServingSettings.model_validate(
        {
            "base_path": str(site.server.base.parent),
            "control": control,
            "replicas": [{"grpc": site.server.grpc, "rest": site.server.rest}],
            "tls": site.tls().model_dump(),
            "load_timeout_seconds": 30,
        }
    )
    target = ServingTarget(settings, "scale")
    export(site.server.exports / control, 4.0 if control == "reload" else 5.0)
    if control == "follow":  # as a server is that was started so
        from pipeline_lib.serving.clients.rpc import GrpcClient
        from pipeline_lib.serving.versions import ModelConfig

        with GrpcClient(site.server.grpc, tls=site.tls()) as client:
            client.reload([ModelConfig(name="scale", base_path=str(site.server.base))])
    change = target.push(site.server.exports / control, origin={})
    assert isinstance(change, Change)
    with RestClient(site.server.rest, tls=site.tls()) as client:
        assert client.predict("scale", [1.0]) == [4.0 if control == "reload" else 5.0]
