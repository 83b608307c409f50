"""Guard: what every request has to pass, and what every answer says to the browser."""

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECRET = secrets.token_bytes(32)
# Nothing from elsewhere, nothing inline: a name that slipped through as markup runs as nothing.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
COOKIE = "health_form"


class Guard:
    """Refuses requests for another host and writes from another page; adds the headers.

    hosts: the names by which the pages are reached, without ports. Of a name that is not among them
    nothing is known: a page of another site could have pointed it here (DNS rebinding).
    address: of the pages as people see it, where a proxy writes another host into requests.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str], address: str = "") -> None:
        self.app = app
        self.hosts = hosts
        self.address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    if name != "cache-control" or "cache-control" not in headers:
                        headers[name] = value
            await send(message)

        problem = self.problem(scope["method"], Headers(scope=scope))
        if problem:
            answer = PlainTextResponse(problem, status_code=400)
            await answer(scope, receive, with_headers)
            return
        await self.app(scope, receive, with_headers)

    def problem(self, method: str, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if host_of(f"//{host}")[0] not in self.hosts:
            return "These pages are not reached by this name. HEALTH_PAGES_HOSTS can list it."
        if method in ("GET", "HEAD"):
            return None
        origin = headers.get("origin")
        own = {host, host_of(self.address)[1]}
        if origin is not None and host_of(origin)[1] not in own:
            return "This form was sent from another site."
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "This form was sent from another site."
        return None


def host_of(address: str) -> tuple[str | None, str]:
    """The name of the host, and the name with its port; neither where there is none."""
    try:
        parts = urlsplit(address)
        return parts.hostname, parts.netloc
    except ValueError:
        return None, "no host"


def token(cookie: str, person: str) -> str:
    """What a form carries; only who has the cookie and is that person gets the same one."""
    return hmac.new(SECRET, f"{cookie}\n{person}".encode(), hashlib.sha256).hexdigest()


def is_token(sent: str, cookie: str, person: str) -> bool:
    return bool(cookie) and hmac.compare_digest(sent.encode(), token(cookie, person).encode())
