"""What a request may hold: limits that are looked at before any work is done."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from anyio import to_thread
from litestar import Request, delete, get, patch, post, put
from litestar.exceptions import InternalServerException
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg, PathParameter, QueryParameter
from msgspec import Meta

from notabene.errors import QueryError, UsageError
from notabene.model.refs import MAX_NAME_BYTES
from notabene.query import parse
from notabene.query.ast import Expr, Test, fields
from notabene.server.answers import OURS, Fresh, answering
from notabene.server.problems import Problem

BODY = 32 << 20
"""Bytes of a request's body."""

DEPTH = 64
"""How deeply the JSON of a body may be nested."""

PAGE = 1000
"""Items of a list at once."""

TABLE = 50_000
"""Rows of the table of runs at once."""

TERMS = 100
"""Comparisons of a search."""

TEXT = 1 << 20
"""Bytes of a text that somebody writes."""

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)

Limit = Annotated[int, Meta(ge=0, le=PAGE, description="At most so many items.")]
Offset = Annotated[int, Meta(ge=0, le=1 << 53, description="Leave out so many first.")]
Where = Annotated[str, Meta(description="A search: `params.lr < 0.01 and status = failed`.")]
Name = Annotated[str, Meta(max_length=1000)]
RunId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", description="Id of a run.")
]


class Asked(Request[Any, Any, Any]):
    """A request whose body is JSON, and not nested without end."""

    async def body(self) -> bytes:
        """The body.

        Raises:
            Problem: It is no JSON by its header, or nested too deeply.
        """
        try:
            data = await super().body()
        except InternalServerException as error:  # what Litestar says of it
            raise Problem(400, "the connection was closed before the body had come") from error
        if data:
            kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise Problem(
                    415, f"the body is {kind or 'of no stated type'}; application/json is allowed"
                )
            if len(data) > 1 << 16:
                await to_thread.run_sync(check_depth, data)
            else:
                check_depth(data)
        return data


def check_depth(data: bytes) -> None:
    """Refuse JSON that is nested more than 64 levels deep, before anything parses it.

    Raises:
        Problem: It is.
    """
    if data.count(b"[") + data.count(b"{") <= DEPTH:
        return
    depth = 0
    for match in _BRACKETS.finditer(data):
        first = match[0][:1]
        if first in b"[{":
            depth += 1
            if depth > DEPTH:
                raise Problem(400, f"the JSON is nested too deeply; {DEPTH} levels are allowed")
        elif first in b"]}":
            depth -= 1


def read_search(where: str) -> Expr:
    """A search as a tree.

    Raises:
        QueryError: It cannot be understood, or is too long.
    """
    if len(where) > 20_000:
        raise QueryError(f"the search has {len(where):,} characters; 20,000 are allowed")
    tree = parse(where)
    terms = len(fields(tree)) + sum(len(test.values) for test in _tests(tree)) // 10
    if terms > TERMS:
        raise QueryError(f"the search has {terms} terms; {TERMS} are allowed")
    return tree


def _tests(tree: Expr) -> list[Test]:
    if isinstance(tree, Test):
        return [tree]
    items = getattr(tree, "items", None) or (getattr(tree, "item", None),)
    return [test for item in items if item is not None for test in _tests(item)]


def listed(text: str, most: int = PAGE) -> list[str]:
    """``a,b,c`` as a list.

    Raises:
        UsageError: There are too many.
    """
    parts = [part for part in text.split(",") if part]
    if len(parts) > most:
        raise UsageError(f"{len(parts):,} were named; at most {most:,} are allowed at once")
    return parts


def short_name(text: str, what: str) -> str:
    """A name that may be looked for.

    Raises:
        UsageError: It is longer than any name can be.
    """
    if len(text.encode("utf-8", "replace")) > 4 * MAX_NAME_BYTES:
        raise UsageError(f"this {what} is longer than any name can be ({MAX_NAME_BYTES} bytes)")
    return text


# -- doors -------------------------------------------------------------------------------------


_ANNOTATED: Any = Annotated  # what is in it is known only at run time
Door = Callable[[Callable[..., Any]], HTTPRouteHandler]


def _door(kind: Any, path: str, fresh: Fresh, *, large: bool = False, **options: Any) -> Door:
    def decorate(function: Callable[..., Any]) -> HTTPRouteHandler:
        handler = described(answering(function, fresh, large=large), path)
        made: HTTPRouteHandler = kind(path, sync_to_thread=True, **options)(handler)
        return made

    return decorate


def described(function: Callable[..., Any], path: str) -> Callable[..., Any]:
    """A handler whose signature says for Litestar where in a request each argument is found.

    Args:
        function: The handler.
        path: Of its route; ``{name:str}`` in it are arguments.
    """
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    found = []
    for name, parameter in signature.parameters.items():
        if name in OURS:
            continue
        found.append(parameter.replace(annotation=_placed(name, hints[name], path)))
    given = {parameter.name: parameter.annotation for parameter in found}
    function.__annotations__ = {**given, "return": hints["return"]}
    function.__signature__ = signature.replace(parameters=found)  # type: ignore[attr-defined]  # as inspect reads it
    return function


def _placed(name: str, hint: Any, path: str) -> Any:
    """What an argument is, and where in a request it is found."""
    if name == "data":
        return _ANNOTATED[hint, BodyKwarg()]
    plain, limits = (hint, {}) if get_origin(hint) is not Annotated else _unpacked(hint)
    kind = PathParameter if f"{{{name}:" in path else QueryParameter
    return _ANNOTATED[plain, kind(**limits)]


def _unpacked(hint: Any) -> tuple[Any, dict[str, Any]]:
    """A type with limits as the type and the limits."""
    plain, *metas = get_args(hint)
    names = ("ge", "gt", "le", "lt", "max_length", "min_length", "pattern", "description")
    limits = {n: getattr(m, n) for m in metas for n in names if getattr(m, n, None) is not None}
    return plain, limits


def read(path: str, fresh: Fresh = "index", **options: Any) -> Door:
    """A handler of GET; see :func:`notabene.server.answers.answering`."""
    return _door(get, path, fresh, **options)


def write(path: str, method: str = "POST", status: int = 200, **options: Any) -> Door:
    """A handler that changes something."""
    kind = {"POST": post, "PATCH": patch, "PUT": put, "DELETE": delete}[method]
    return _door(kind, path, "never", status_code=status, **options)
