"""`pipeline ui`: the pages on this machine. On loopback for whoever is on it; elsewhere behind a token."""

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from pipeline_lib.errors import PageServerError
from pipeline_lib.lineage.web.application import create_application, dress
from pipeline_lib.lineage.web.presentation import bare_page
from pipeline_lib.lineage.web.visitor import Visitor

if TYPE_CHECKING:
    from pipeline_lib.artifacts.store import ArtifactStore
    from pipeline_lib.metadata.store import Store

COOKIE = "pipeline_ui"
_VALID = timedelta(hours=12)
_SHORTEST_TOKEN = 16
_LONGEST_FORM = 4_096
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageServer:
    """Where the pages are served.

    Attributes:
        host: Address to listen on; other than loopback only with a token.
        port: 0 takes a free one.
        token: What a visitor has to give; None lets everybody in who reaches the port.
    """

    host: str = "127.0.0.1"
    port: int = 8090
    token: str | None = None

    def __post_init__(self) -> None:
        if self.token is not None and len(self.token) < _SHORTEST_TOKEN:
            raise PageServerError(
                "the token of the pages can be guessed",
                needs=f"{_SHORTEST_TOKEN} characters or more",
                fix="make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
            )
        if self.token is None and not is_loopback(self.host):
            raise PageServerError(
                f"the pages would be open to everyone who reaches {self.host}",
                fix="give --token env:NAME or --token file:/path, or listen on 127.0.0.1",
            )

    def serve(self, store: "Store", artifacts: "ArtifactStore", *, ready: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM.

        Args:
            store: Where runs are recorded.
            artifacts: Where files are.
            ready: Called with the address once it answers.

        Raises:
            PageServerError: The address cannot be listened on.
        """
        application = standalone_application(store, artifacts, token=self.token, host=self.host)
        with self._listening() as listener:
            name = f"[{self.host}]" if ":" in self.host else self.host
            ready(f"http://{name}:{listener.getsockname()[1]}")
            config = uvicorn.Config(
                application, log_level="warning", server_header=False, timeout_graceful_shutdown=5
            )
            uvicorn.Server(config).run([listener])

    def _listening(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            return socket.create_server((self.host, self.port), family=family)
        except (OSError, OverflowError) as error:
            raise PageServerError(
                f"cannot listen on {self.host}:{self.port}",
                got=str(error),
                fix="name another --port; 0 takes a free one",
            ) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def standalone_application(
    store: "Store", artifacts: "ArtifactStore", *, token: str | None, host: str = "127.0.0.1"
) -> FastAPI:
    """The pages with their own door: a token, if there is one, and this machine's names only on loopback."""
    visitor = Visitor(store=store, artifacts=artifacts)
    door = _Door(token)

    def admit(request: Request) -> None:
        if is_loopback(host) and not _has_local_name(request):
            # A page of another site whose name was made to lead here would otherwise read ours.
            raise HTTPException(421, "this server answers to localhost and 127.0.0.1 only")
        if not door.open_to(request):
            raise HTTPException(303 if request.method == "GET" else 401, "log in", {"Location": "/login"})
        request.state.visitor = visitor

    application = create_application(admit)
    if token is None:
        return application
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    dress(outer)
    outer.get("/login")(door.show)
    outer.post("/login")(door.enter)
    outer.mount("/", application)
    return outer


def _has_local_name(request: Request) -> bool:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname in _LOCAL_NAMES
    except ValueError:
        return False


class _Door:
    """Asks for the token once, then knows the browser by a signed cookie."""

    def __init__(self, token: str | None) -> None:
        self._digest = None if token is None else _digest(token)
        # Signed with the token itself: whoever changes it logs everybody out.
        self._signer = URLSafeTimedSerializer(token or "", salt="pipeline-ui")

    def open_to(self, request: Request) -> bool:
        if self._digest is None:
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._fits(given)
        try:
            self._signer.loads(request.cookies.get(COOKIE, ""), max_age=int(_VALID.total_seconds()))
        except BadSignature:
            return False
        return True

    def show(self, request: Request) -> HTMLResponse:
        return bare_page(request, "login.html", problem="")

    async def enter(self, request: Request) -> Response:
        form = parse_qs((await request.body())[:_LONGEST_FORM].decode(errors="replace"))
        if not self._fits(form.get("token", [""])[0]):
            return bare_page(request, "login.html", status=403, problem="This is not the token.")
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(
            COOKIE,
            self._signer.dumps("in"),
            max_age=int(_VALID.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    def _fits(self, given: str) -> bool:
        return self._digest is not None and hmac.compare_digest(self._digest, _digest(given))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
