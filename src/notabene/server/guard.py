"""The guard around everything: whose name is called, where the request comes from, who it is.

It stands outside of all routers, so that no route can be reached around it, and puts the
security headers on every answer, errors included.
"""

from __future__ import annotations

import html
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from notabene.errors import AccessError, NotabeneError
from notabene.server.access import API, PUBLIC
from notabene.server.answers import CALL, Call
from notabene.server.options import Options
from notabene.server.problems import Problem, form_of
from notabene.server.session import Session

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("notabene.server")

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
CONNECTIONS = 200
"""Requests of one address at a time, the live feed's among them."""

TARGET = 32 << 10
"""Bytes of a path with its query."""

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; frame-src 'self'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """An ASGI app around the API and the pages.

    Args:
        api: The app for ``/api`` and ``/health``.
        pages: The app for all else.
        options: How the server was started.
        session: Who is let in; None lets in everybody who reaches the port.
        user: Whom visitors act as.
        announce: Told of a fresh link when one was used.
    """

    def __init__(
        self,
        api: App,
        pages: App,
        options: Options,
        *,
        session: Session | None,
        user: str = "",
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self._api = api
        self._pages = pages
        self._options = options
        self._session = session
        self._user = user
        self._announce = announce
        self._hosts = LOOPBACK | {name.lower() for name in options.hosts}
        self._busy: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on the life of the server."""
        if scope["type"] == "lifespan":
            await self._api(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = scope["method"] == "HEAD"
        out = _Sender(send, head=head)
        address = str((scope.get("client") or ("",))[0])
        self._busy[address] += 1
        try:
            if self._busy[address] > CONNECTIONS:
                raise Problem(429, f"over {CONNECTIONS} requests of {address} are under way")
            await self._checked(scope, receive, out, address)
        except (NotabeneError, Problem) as error:
            await _refuse(scope, out, error)
        finally:
            self._busy[address] -= 1
            if not self._busy[address]:
                del self._busy[address]

    async def _checked(self, scope: Scope, receive: Receive, out: _Sender, address: str) -> None:
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > TARGET:
            raise Problem(414, f"the address is longer than {TARGET:,} bytes")
        if scope["method"] not in METHODS:
            allowed = ", ".join(sorted(METHODS))
            raise Problem(
                405, f"the method {scope['method'][:20]} is unknown", headers={"Allow": allowed}
            )
        self._check_host(headers.get("host", ""))
        if scope["method"] not in ("GET", "HEAD"):
            self._check_origin(headers)
        inner = self._below(scope)
        if scope["method"] == "HEAD" and inner["path"] == f"{API}/events":
            raise Problem(405, "the live feed has no end", headers={"Allow": "GET"})
        if not await self._let_in(inner, headers, out, address):
            return
        call = Call(
            place=f"{inner['path']}?{inner['query_string'].decode('latin-1')}",
            user=self._user,
            encodings=_accepted(headers.get("accept-encoding", "")),
            known=tuple(t.strip() for t in headers.get("if-none-match", "").split(",") if t),
            part=headers.get("range", ""),
            last=headers.get("last-event-id", "")[:200],
        )
        mark = CALL.set(call)
        try:
            path = inner["path"]
            ours = path == "/api" or path.startswith("/api/") or path in PUBLIC
            await (self._api if ours else self._pages)(inner, receive, out)
        finally:
            CALL.reset(mark)

    # -- where it comes from ---------------------------------------------------------------

    def _check_host(self, host: str) -> None:
        """Refuse names that are not ours: a page elsewhere may point its name at us."""
        name = _host_name(host)
        if name not in self._hosts:
            raise Problem(
                421,
                f"this server does not answer to the name {name[:100]!r}",
                hint=f"start it with --allow-host {name[:100]}" if name else "",
            )

    def _check_origin(self, headers: dict[str, str]) -> None:
        """Refuse changes that another site's page asks for."""
        site = headers.get("sec-fetch-site", "same-origin")
        if site not in ("same-origin", "none"):
            raise AccessError(f"a page of another site ({site}) may change nothing here")
        origin = headers.get("origin")
        if origin is None:
            return
        parts = urlsplit(origin)
        allowed = parts.netloc.lower() == headers.get("host", "").lower()
        # Behind a proxy the name in Host may be ours and not the one that the browser sees.
        if not allowed and (parts.hostname or "") not in self._options.hosts:
            raise AccessError(f"a page of {origin[:100]} may change nothing here")

    def _below(self, scope: Scope) -> Scope:
        """The scope below the base path; a proxy may have taken it away already."""
        base, path = self._options.base_path, scope["path"]
        if base and (path == base or path.startswith(f"{base}/")):
            path = path[len(base) :] or "/"
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        inner = {**scope, "path": path, "raw_path": path.encode("utf-8", "replace")}
        return {**inner, "method": method, "root_path": ""}

    # -- who it is -------------------------------------------------------------------------

    async def _let_in(
        self, scope: Scope, headers: dict[str, str], out: _Sender, address: str
    ) -> bool:
        """Whether to go on; answers itself where a link was used.

        Raises:
            Problem: The visitor has not shown that it may.
        """
        session = self._session
        if session is None or scope["path"] in PUBLIC:
            return True
        known = session.holds(_cookie(headers.get("cookie", ""), session.cookie))
        in_api = scope["path"].startswith("/api")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        link = query.get("token") if scope["method"] == "GET" and not in_api else None
        if link is not None and (known or self._used(session, link, address)):
            await self._redirect(scope, query, out, None if known else session)
            return False
        if known:
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            self._not_too_often(session, address)
            if session.is_token(token.strip()):
                return True
            session.wrong(address)
        raise Problem(
            401,
            "this server wants to know who you are",
            hint="open the link it printed, or send Authorization: Bearer with NOTABENE_TOKEN",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _not_too_often(self, session: Session, address: str) -> None:
        if session.must_wait(address):
            raise Problem(
                429, "too many wrong tokens came from here; wait 15 minutes",
                headers={"Retry-After": "900"},
            )  # fmt: skip

    def _used(self, session: Session, token: str, address: str) -> bool:
        self._not_too_often(session, address)
        if not session.use_link(token):
            session.wrong(address)
            return False
        fresh = session.fresh_link()
        if self._announce is not None:
            self._announce(fresh)
        return True

    async def _redirect(
        self, scope: Scope, query: dict[str, str], out: _Sender, session: Session | None
    ) -> None:
        """To the same page without the token; never anywhere else."""
        rest = urlencode({name: value for name, value in query.items() if name != "token"})
        path = "/" + scope["path"].lstrip("/\\")
        target = f"{self._options.base_path}{path}" + (f"?{rest}" if rest else "")
        headers = [(b"location", _ascii(target)), (b"cache-control", b"no-store")]
        if session is not None:
            path = self._options.base_path or "/"
            secure = "; Secure" if scope.get("scheme") == "https" else ""
            value = (
                f"{session.cookie}={session.make()}; Path={path}; Max-Age=2592000; "
                f"HttpOnly; SameSite=Lax{secure}"
            )
            headers.append((b"set-cookie", value.encode()))
        await _answer(out, 303, headers, b"")


class _Sender:
    """Sends an answer with the security headers, and without its body for HEAD.

    Headers that the answer brings itself stand: bytes of people have a stricter policy.
    """

    def __init__(self, send: Send, *, head: bool) -> None:
        self._send = send
        self._head = head
        self.started = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            # A sandboxed page that opens in a window of its own must not ask for this one.
            boxed = any(n.lower() == b"content-security-policy" for n, _ in given)
            given += [
                (name, value)
                for name, value in HEADERS
                if name not in names and not (boxed and name == b"cross-origin-opener-policy")
            ]
            message = {**message, "headers": given}
        elif self._head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


def _host_name(host: str) -> str:
    """The name in a Host header, without the port."""
    text = host.strip().lower()
    if text.startswith("["):
        return text[: text.find("]") + 1]
    return text.partition(":")[0].rstrip(".")


def _accepted(header: str) -> tuple[str, ...]:
    """Codings that a client takes."""
    found = []
    for part in header.lower().split(","):
        name, _, rest = part.strip().partition(";")
        quality = rest.replace(" ", "").removeprefix("q=")
        if name and quality not in ("0", "0.0", "0.00", "0.000"):
            found.append(name.strip())
    return tuple(found)


def _cookie(header: str, name: str) -> str:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _ascii(target: str) -> bytes:
    from urllib.parse import quote

    return quote(target, safe="/?&=%:@!$'()*+,;~-._").encode("ascii")


async def _answer(out: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await out({"type": "http.response.start", "status": status, "headers": headers})
    await out({"type": "http.response.body", "body": body})


async def _refuse(scope: Scope, out: _Sender, error: Exception) -> None:
    """An error of the guard itself: JSON for programs, words for people."""
    if out.started:
        raise error
    status, form, extra = form_of(error)
    headers = [(name.lower().encode(), value.encode()) for name, value in extra.items()]
    headers.append((b"cache-control", b"no-store"))
    asked = {k.lower(): v for k, v in scope["headers"]}.get(b"accept", b"")
    if b"text/html" in asked and f"{API}/" not in scope["path"]:
        headers.append((b"content-type", b"text/html; charset=utf-8"))
        await _answer(out, status, headers, plain_page(form["message"], form["hint"]))
        return
    headers.append((b"content-type", b"application/json"))
    await _answer(out, status, headers, msgspec.json.encode(form))


def plain_page(message: str, hint: str = "") -> bytes:
    """A page of words."""
    words = f"<p>{html.escape(message)}.</p>" + (f"<p>{html.escape(hint)}.</p>" if hint else "")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>notabene</title>"
        f"<h1>notabene</h1>{words}</html>"
    ).encode()
