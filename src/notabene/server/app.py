"""The app: routes, errors and access put together, and the guard around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException

from notabene.errors import NotabeneError
from notabene.server import access
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
    runs,
    series,
    server,
    views,
)

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.handlers import BaseRouteHandler
    from litestar.types import ControllerRouterHandler

MODULES = (server, projects, runs, edits, console, series, content, artifacts, views, live)
"""Where the handlers are; each lists its own."""


def make_app(notebook: Notebook, feed: Feed, options: Options) -> Litestar:
    """The routes over one notebook.

    Args:
        notebook: The store.
        feed: What tells clients of changes.
        options: How the server was started.

    Raises:
        RuntimeError: A route has no rule in the table of access.
    """
    app = Litestar(
        [Router(access.API, route_handlers=handlers()), server.health],
        dependencies=provided(notebook, feed, options),
        exception_handlers=_HANDLERS,
        guards=[_may],
        request_class=Asked,
        request_max_body_size=BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    access.check_table(routes_of(app))
    return app


def provided(notebook: Any, feed: Any, options: Any) -> dict[str, Provide]:
    """What handlers are given by name, and what is no part of the request."""
    given = {"notebook": notebook, "feed": feed, "options": options}
    return {name: Provide(_always(value), sync_to_thread=False) for name, value in given.items()}


def _always(value: Any) -> Callable[[], Any]:
    def give() -> Any:
        return value

    return give


def handlers() -> list[ControllerRouterHandler]:
    """All handlers below ``/api/v1``."""
    return [handler for module in MODULES for handler in module.HANDLERS]


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
