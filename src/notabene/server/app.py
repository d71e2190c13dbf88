"""The app: routes, errors and access put together, and the guard around them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from litestar import Litestar, Router
from litestar.exceptions import HTTPException

from notabene.errors import NotabeneError
from notabene.server import access
from notabene.server.answers import GIVEN
from notabene.server.feed import Feed
from notabene.server.notebook import Notebook
from notabene.server.options import Options
from notabene.server.problems import Problem, answer_problem
from notabene.server.requests import BODY, Asked
from notabene.server.routes import (
    artifacts,
    console,
    content,
    edits,
    live,
    projects,
    proofs,
    runs,
    series,
    server,
    views,
)

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.handlers import BaseRouteHandler
    from litestar.types import ControllerRouterHandler

MODULES = (server, projects, runs, edits, console, series, content, artifacts, proofs, views, live)
"""Where the handlers are; each lists its own."""


class Routes:
    """The routes over one notebook, as an ASGI app.

    Args:
        notebook: The store.
        feed: What tells clients of changes.
        options: How the server was started.

    Raises:
        RuntimeError: A route has no rule in the table of access.
    """

    def __init__(self, notebook: Notebook, feed: Feed, options: Options) -> None:
        self._given: dict[str, Any] = {"notebook": notebook, "feed": feed, "options": options}
        self._given["describe"] = describe
        self.litestar = _litestar()
        access.check_table(routes_of(self.litestar))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, or the life of the server."""
        mark = GIVEN.set(self._given)
        try:
            await self.litestar(scope, receive, send)
        finally:
            GIVEN.reset(mark)


@lru_cache(maxsize=1)
def _litestar() -> Litestar:
    """The routes; what they are served with is given with each request."""
    return Litestar(
        handlers(),
        exception_handlers=_HANDLERS,
        guards=[_may],
        request_class=Asked,
        request_max_body_size=BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def handlers() -> list[ControllerRouterHandler]:
    """All handlers, by their paths."""
    below = [handler for module in MODULES for handler in module.HANDLERS]
    return [Router(access.API, route_handlers=below), server.health]


@lru_cache(maxsize=1)
def describe() -> dict[str, Any]:
    """The OpenAPI document of all routes."""
    from notabene.server.document import document  # seldom asked for, and slow to load

    return document(handlers())


def routes_of(app: Litestar) -> Iterable[str]:
    """``GET /api/v1/runs/{run}`` and so on, for all routes of an app."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            for method in getattr(handler, "http_methods", ()):
                if method != "OPTIONS":
                    yield f"{method} {_plain(route.path_format)}"


def _plain(path: str) -> str:
    """A path with the names of its parts alone."""
    return "/".join(f"{{{p[1:-1].split(':')[0]}}}" if p[:1] == "{" else p for p in path.split("/"))


def _may(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a request through if the table of access has a rule that allows it."""
    del handler
    method = str(connection.scope.get("method", ""))
    path = _plain(connection.scope.get("path_template", ""))
    access.require(f"{method} {path}", access.RIGHTS)


_HANDLERS: dict[int | type[Exception], Any] = {
    NotabeneError: answer_problem,
    Problem: answer_problem,
    HTTPException: answer_problem,
    Exception: answer_problem,
}
