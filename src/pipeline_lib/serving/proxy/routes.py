"""Which version answers a user's request: a split of traffic, written as nginx configuration.

Requests that name no version (`/v1/models/NAME:predict`) are given that of a variant, or sent to its
servers; those that name one go where they say. Canary, blue-green and shadow are one mechanism: a share of
the traffic, all of it, or copies whose answers nobody sees.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

from pipeline_lib.errors import ProfileError
from pipeline_lib.serving.base_path.ledger import STABLE

CANARY = "canary"
CONFIGURATION = "serving.conf"
REQUESTS = "requests.log"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_ADDRESS = re.compile(r"[A-Za-z0-9_.\[\]:-]+:\d+")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_VERBS = "predict|classify|regress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How the traffic of one model is split.

    Attributes:
        stable: REST addresses, `host:port`, of the servers of the stable version.
        canary: Those of the canary; the same servers, if labels tell the versions apart.
        traffic: Percent of the requests for the canary.
        mode: `split`: the canary answers its share. `shadow`: it gets copies of its share, and stable answers
            everything.
        version: Of the canary, where the stable version's servers serve it too.
        labels: Whether the servers know the label `stable`.
    """

    model: str
    stable: tuple[str, ...]
    canary: tuple[str, ...] = ()
    traffic: float = 0.0
    mode: Literal["split", "shadow"] = "split"
    version: int | None = None
    labels: bool = True

    def __post_init__(self) -> None:
        wrong = next((one for one in (*self.stable, *self.canary) if not _ADDRESS.fullmatch(one)), None)
        if not _NAME.fullmatch(self.model) or wrong is not None or not self.stable:
            raise ProfileError(
                f"the traffic of {self.model} cannot be split",
                at="serving.replicas",
                got=wrong if wrong is not None else "no REST address",
                fix="give each replica rest: http://host:port, and models names of letters, digits, _ . -",
            )
        if not 0 <= self.traffic <= 100 or (self.traffic and not self.canary):
            raise ProfileError(
                f"{self.traffic:g} % of the traffic of {self.model} cannot go to a canary",
                at="serving.proxy",
                fix="give 0 to 100 %, and servers for it",
            )

    @classmethod
    def read(cls, given: Mapping[str, object]) -> Self:
        """A route from its JSON form."""
        lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        return cls(**{**given, **lists})  # type: ignore[arg-type]


def write_routes(file: Path, routes: Sequence[Route]) -> None:
    """Keep routes for the next change."""
    file.write_text(json.dumps([asdict(route) for route in routes], indent=2) + "\n")


def read_routes(file: Path) -> list[Route]:
    """The routes of the last change; none at first.

    Raises:
        ProfileError: The file is damaged.
    """
    if not file.exists():
        return []
    try:
        return [Route.read(one) for one in json.loads(file.read_text())]
    except (ValueError, TypeError, AttributeError) as error:
        raise ProfileError(
            "the proxy's routes cannot be read",
            at=str(file),
            fix="delete the file: all traffic goes to stable",
        ) from error


def configuration(
    routes: Sequence[Route], *, listen: str, directory: Path, sticky_header: str | None = None
) -> str:
    """What nginx includes in its `http` block.

    Args:
        routes: One a model; the servers of the first answer what belongs to no model.
        listen: `host:port` for REST.
        directory: For the log of requests.
        sticky_header: Requests with the same value of it go to the same variant.

    Raises:
        ProfileError: The header's name is none.
    """
    if sticky_header is not None and not _HEADER.fullmatch(sticky_header):
        raise ProfileError(
            f"{sticky_header!r} is no name of a header", at="serving.proxy", fix="give letters, digits and -"
        )
    blocks = [
        'log_format pipeline_serving escape=json \'{"model":"$pipeline_model","variant":"$pipeline_variant",'
        '"status":"$upstream_status","seconds":$request_time}\';',
        f'map $request_uri $pipeline_verb {{ "~(?<pl_verb>:(?:{_VERBS}))(?:\\?|$)" $pl_verb; default ""; }}',
        _key(sticky_header),
        *(_route_variables(number, route) for number, route in enumerate(routes)),
        _server(routes, listen, directory),
    ]
    return "\n".join(["# Written by pipeline serving; changes are lost.", *blocks, ""])


def _key(sticky_header: str | None) -> str:
    if sticky_header is None:
        return "map $request_id $pipeline_key { default $request_id; }"
    variable = f"$http_{sticky_header.lower().replace('-', '_')}"
    return f'map {variable} $pipeline_key {{ "" $request_id; default {variable}; }}'


def _route_variables(number: int, route: Route) -> str:
    share = f"{route.traffic:.2f}%"
    chosen = [f"    {share} {CANARY};"] if 0 < route.traffic < 100 else []
    rest = CANARY if route.traffic >= 100 else STABLE
    # By its number: a promotion takes the label away from a version that goes on serving.
    canary_part = f"/versions/{route.version}" if route.version is not None else ""
    return "\n".join(
        [
            _upstream(number, STABLE, route.stable),
            _upstream(number, CANARY, route.canary or route.stable),
            # The model's name in the key: who is in one canary must not be in all of them.
            f'split_clients "{route.model}$pipeline_key" $pipeline_share_{number} {{',
            *chosen,
            f"    * {rest};",
            "}",
            f"map $pipeline_share_{number} $pipeline_part_{number} "
            f'{{ {CANARY} "{canary_part}"; default "{_stable_part(route)}"; }}',
        ]
    )


def _stable_part(route: Route) -> str:
    return f"/labels/{STABLE}" if route.labels else ""


def _upstream(number: int, variant: str, addresses: Sequence[str]) -> str:
    servers = " ".join(f"server {address};" for address in addresses)
    return f"upstream pipeline_{number}_{variant} {{ {servers} keepalive 32; }}"


def _server(routes: Sequence[Route], listen: str, directory: Path) -> str:
    lines = [
        "server {",
        f"    listen {listen};",
        "    client_max_body_size 64m;",
        # In memory: the workers' user may not write where our files are.
        "    client_body_buffer_size 64m;",
        "    proxy_max_temp_file_size 0;",
        "    proxy_http_version 1.1;",
        '    proxy_set_header Connection "";',
        '    set $pipeline_model "";',
        '    set $pipeline_variant "";',
        *(line for number, route in enumerate(routes) for line in _locations(number, route, directory)),
    ]
    if routes:
        lines.append(f"    location / {{ proxy_pass http://pipeline_0_{STABLE}; }}")
    return "\n".join([*lines, "}"])


def _locations(number: int, route: Route, directory: Path) -> list[str]:
    shadow = route.mode == "shadow"
    path = f"/v1/models/{route.model}"
    pattern = path.replace(".", r"\.")
    variant = STABLE if shadow else f"$pipeline_share_{number}"
    part = _stable_part(route) if shadow else f"$pipeline_part_{number}"
    splits = not shadow and route.traffic > 0
    lines = [
        f'    location ~ "^{pattern}:(?:{_VERBS})$" {{',
        f"        set $pipeline_model {route.model};",
        f"        set $pipeline_variant {variant};",
        f"        access_log {directory / REQUESTS} pipeline_serving;",
        *([f"        mirror /pipeline-shadow-{number};"] if shadow and route.traffic else []),
        f"        add_header X-Serving-Variant {variant} always;",
        f"        proxy_pass http://pipeline_{number}_{variant}{path}{part}$pipeline_verb;",
        # A canary that is not there must not cost a request.
        *([f"        error_page 404 = @pipeline_stable_{number};"] if splits else []),
        *(["        proxy_intercept_errors on;"] if splits else []),
        "    }",
        f"    location @pipeline_stable_{number} {{",
        f"        proxy_pass http://pipeline_{number}_{STABLE}{path}{_stable_part(route)}$pipeline_verb;",
        "    }",
        f'    location ~ "^{pattern}(?:/|$)" {{ proxy_pass http://pipeline_{number}_{STABLE}; }}',
    ]
    if shadow and route.traffic:
        lines += [
            f"    location = /pipeline-shadow-{number} {{",
            "        internal;",
            f"        if ($pipeline_share_{number} != {CANARY}) {{ return 204; }}",
            f"        proxy_pass http://pipeline_{number}_{CANARY}{path}"
            f"$pipeline_part_{number}$pipeline_verb;",
            "    }",
        ]
    return lines
