"""The stand-alone server's door."""

import pytest
from fastapi.testclient import TestClient

from pipeline_lib.errors import PageServerError
from pipeline_lib.lineage.web.standalone import COOKIE, PageServer, is_loopback
from unit.lineage.conftest import Audited
from unit.lineage.web.conftest import artifacts_of, client_of

TOKEN = "a-long-enough-token"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("web", False),
    ],
)
def test_who_is_reached_by_others_is_known(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_others_are_let_in_only_with_a_token_that_cannot_be_guessed() -> None:
    with pytest.raises(PageServerError, match=r"open to everyone who reaches 0\.0\.0\.0"):
        PageServer(host="0.0.0.0")
    with pytest.raises(PageServerError, match="can be guessed"):
        PageServer(host="0.0.0.0", token="secret")
    assert PageServer(host="0.0.0.0", token=TOKEN).token == TOKEN


def test_a_taken_port_is_told(audited: Audited) -> None:
    with PageServer(port=0)._listening() as taken:
        server = PageServer(port=taken.getsockname()[1])
        with pytest.raises(PageServerError, match="cannot listen"):
            server.serve(audited.store, artifacts_of(audited.folder), ready=print)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8090", "", "localhost.evil.example", "127.0.0.1.nip.io"]
)
def test_a_page_of_another_site_cannot_read_ours_by_a_name_of_its_own(client: TestClient, host: str) -> None:
    answer = client.get("/runs", headers={"Host": host})
    assert answer.status_code == 421
    assert "audited" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "localhost:8090", "127.0.0.1:1", "[::1]:8090"])
def test_this_machine_is_answered(client: TestClient, host: str) -> None:
    assert client.get("/runs", headers={"Host": host}).status_code == 200


def test_a_token_is_asked_for_once(audited: Audited) -> None:
    with client_of(audited.store, artifacts_of(audited.folder), token=TOKEN) as client:
        for place in ("/", "/runs", "/artifacts/1", "/nothing-here"):
            answer = client.get(place)
            assert answer.status_code in (303, 404)
            assert "audited" not in answer.text
        assert client.get("/").headers["location"] == "/login"
        assert "Token" in client.get("/login").text
        assert client.get("/static/style.css").status_code == 200
        refused = client.post("/login", data={"token": "wrong"})
        assert (refused.status_code, COOKIE in refused.cookies) == (403, False)
        entered = client.post("/login", data={"token": TOKEN})
        assert entered.status_code == 303
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert TOKEN not in cookie
        assert "audited" in client.get("/runs").text


def test_programs_give_the_token_with_each_request(audited: Audited) -> None:
    with client_of(audited.store, artifacts_of(audited.folder), token=TOKEN) as client:
        assert client.get("/runs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get("/runs", headers={"Authorization": "Bearer wrong"}).status_code == 303


@pytest.mark.parametrize("cookie", ["in", "in.x.y", ""])
def test_a_made_up_cookie_opens_nothing(audited: Audited, cookie: str) -> None:
    with client_of(audited.store, artifacts_of(audited.folder), token=TOKEN) as client:
        client.cookies.set(COOKIE, cookie)
        assert client.get("/runs").status_code == 303
