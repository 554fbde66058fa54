"""The split of traffic as nginx reads it."""

from pathlib import Path

import pytest

from pipeline_lib.errors import ProfileError
from pipeline_lib.serving.proxy.routes import Route, configuration, read_routes, write_routes

SERVERS = ("10.0.0.1:8501", "10.0.0.2:8501")


def lines(*routes: Route, sticky_header: str | None = None) -> list[str]:
    text = configuration(routes, listen="127.0.0.1:80", directory=Path("/p"), sticky_header=sticky_header)
    return [line.strip() for line in text.splitlines()]


def test_a_share_goes_to_a_version_of_the_same_servers() -> None:
    found = lines(Route(model="m.1", stable=SERVERS, canary=SERVERS, traffic=12.5, version=7))
    assert "12.50% canary;" in found
    assert "* stable;" in found
    assert (
        'map $pipeline_share_0 $pipeline_part_0 { canary "/versions/7"; default "/labels/stable"; }' in found
    )
    assert r'location ~ "^/v1/models/m\.1:(?:predict|classify|regress)$" {' in found
    assert "error_page 404 = @pipeline_stable_0;" in found
    assert "upstream pipeline_0_stable { server 10.0.0.1:8501; server 10.0.0.2:8501; keepalive 32; }" in found


def test_all_and_nothing() -> None:
    everything = lines(Route(model="m", stable=SERVERS, canary=SERVERS, traffic=100))
    assert "* canary;" in everything
    assert not [line for line in everything if "%" in line]
    nothing = lines(Route(model="m", stable=SERVERS))
    assert "* stable;" in nothing
    assert not [line for line in nothing if "error_page" in line or "mirror" in line]


def test_a_shadow_answers_nobody() -> None:
    found = lines(Route(model="m", stable=SERVERS, canary=SERVERS, traffic=50, mode="shadow", version=2))
    assert "mirror /pipeline-shadow-0;" in found
    assert "add_header X-Serving-Variant stable always;" in found
    assert "if ($pipeline_share_0 != canary) { return 204; }" in found


def test_servers_of_the_canarys_own_need_no_labels() -> None:
    found = lines(Route(model="m", stable=SERVERS, canary=("10.0.0.9:1",), traffic=1, labels=False))
    assert 'map $pipeline_share_0 $pipeline_part_0 { canary ""; default ""; }' in found
    assert "upstream pipeline_0_canary { server 10.0.0.9:1; keepalive 32; }" in found


def test_clients_stay_where_they_are() -> None:
    route = Route(model="m", stable=SERVERS)
    expected = 'map $http_x_client_id $pipeline_key { "" $request_id; default $http_x_client_id; }'
    assert expected in lines(route, sticky_header="X-Client-Id")
    with pytest.raises(ProfileError, match="is no name of a header"):
        lines(route, sticky_header="a b; }")


@pytest.mark.parametrize(
    ("route", "message"),
    [
        ({"model": "m; }", "stable": SERVERS}, "cannot be split"),
        ({"model": "m", "stable": ()}, "cannot be split"),
        ({"model": "m", "stable": ("host",)}, "cannot be split"),
        ({"model": "m", "stable": SERVERS, "canary": SERVERS, "traffic": 101}, "101 %"),
        ({"model": "m", "stable": SERVERS, "traffic": 1}, "cannot go to a canary"),
    ],
)
def test_routes_that_make_no_sense(route: dict[str, object], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        Route(**route)


def test_routes_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "routes.json"
    assert read_routes(file) == []
    routes = [Route(model="m", stable=SERVERS, canary=SERVERS, traffic=5, version=3)]
    write_routes(file, routes)
    assert read_routes(file) == routes
    file.write_text('[{"model": "m", "more": 1}]')
    with pytest.raises(ProfileError, match="cannot be read"):
        read_routes(file)
