"""Addresses and refusals; the servers run in tests/integration/airflow/postgresql."""

from pathlib import Path

import pytest

from pipeline_lib.airflow.services import postgresql_url, private_redis
from pipeline_lib.errors import AirflowNotStartedError
from pipeline_lib.metadata.database import parse_database


def test_a_profile_understands_the_address_of_the_socket() -> None:
    found = parse_database(postgresql_url(Path("/run/pg"), "metadata"))
    assert (found.backend, found.host, found.name, found.user) == (
        "postgresql",
        "/run/pg",
        "metadata",
        "postgres",
    )


def test_sqlalchemy_understands_it_with_a_driver() -> None:
    from sqlalchemy import make_url

    found = make_url(postgresql_url(Path("/run/pg"), "airflow", driver="+psycopg"))
    assert (found.drivername, found.database, found.query["host"]) == (
        "postgresql+psycopg",
        "airflow",
        "/run/pg",
    )


def test_without_redis_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(AirflowNotStartedError, match="redis-server"), private_redis():
        pass


@pytest.mark.system
def test_redis_listens_on_a_private_socket_only() -> None:
    import redis

    with private_redis() as address:
        socket = Path(address.removeprefix("redis+socket://").partition("?")[0])
        assert redis.Redis(unix_socket_path=str(socket)).ping()
        assert socket.stat().st_mode & 0o077 == 0
    assert not socket.parent.exists()
