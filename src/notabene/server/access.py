"""Who may do what: one table for all routes; what is not in it is not served.

The table is looked at twice. When the app is made, every route must have an entry and every
entry a route, else it does not start. On each request the rule decides whether the visitor may
go on. For now there is one local user, who has all rights; users and roles come with teams.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from notabene.errors import AccessError

Rule = Literal["public", "read", "write", "admin"]
"""``public`` needs no visitor that we know; the others are rights of one that we do."""

API = "/api/v1"

RULES: dict[str, Rule] = {
    "GET /health": "public",
    f"GET {API}/server": "read",
    f"POST {API}/server/token": "admin",
    f"GET {API}/openapi.json": "read",
    f"GET {API}/projects": "read",
    f"GET {API}/projects/fields": "read",
    f"POST {API}/projects/notes": "write",
    f"PUT {API}/projects/notes/{{note}}": "write",
    f"DELETE {API}/projects/notes/{{note}}": "write",
    f"GET {API}/complete": "read",
    f"GET {API}/search": "read",
    f"GET {API}/diary": "read",
    f"GET {API}/runs": "read",
    f"GET {API}/runs/table": "read",
    f"GET {API}/runs/events": "read",
    f"POST {API}/runs/bulk": "write",
    f"GET {API}/runs/{{run}}": "read",
    f"PATCH {API}/runs/{{run}}": "write",
    f"DELETE {API}/runs/{{run}}": "write",
    f"POST {API}/runs/{{run}}/restore": "write",
    f"POST {API}/runs/{{run}}/stop": "write",
    f"POST {API}/runs/{{run}}/tags": "write",
    f"POST {API}/runs/{{run}}/notes": "write",
    f"PUT {API}/runs/{{run}}/notes/{{note}}": "write",
    f"DELETE {API}/runs/{{run}}/notes/{{note}}": "write",
    f"GET {API}/runs/{{run}}/values": "read",
    f"GET {API}/runs/{{run}}/table": "read",
    f"GET {API}/runs/{{run}}/captured": "read",
    f"GET {API}/runs/{{run}}/record": "read",
    f"GET {API}/runs/{{run}}/check": "read",
    f"GET {API}/runs/{{run}}/console": "read",
    f"GET {API}/runs/{{run}}/history": "read",
    f"POST {API}/series": "read",
    f"GET {API}/changes": "read",
    f"GET {API}/events": "read",
    f"GET {API}/blobs/{{digest}}": "read",
    f"GET {API}/artifacts": "read",
    f"GET {API}/artifacts/versions": "read",
    f"GET {API}/artifacts/version": "read",
    f"DELETE {API}/artifacts/version": "write",
    f"GET {API}/artifacts/files": "read",
    f"GET {API}/artifacts/file": "read",
    f"GET {API}/artifacts/preview": "read",
    f"POST {API}/artifacts/alias": "write",
    f"DELETE {API}/artifacts/alias": "write",
    f"POST {API}/artifacts/restore": "write",
    f"GET {API}/lineage": "read",
    f"GET {API}/lineage/content": "read",
    f"GET {API}/whence": "read",
    f"GET {API}/diff": "read",
    f"GET {API}/diff/sources": "read",
    f"GET {API}/diff/source": "read",
    f"GET {API}/why": "read",
    f"GET {API}/repeats": "read",
    f"GET {API}/waste": "read",
    f"GET {API}/views": "read",
    f"GET {API}/views/{{view}}": "read",
    f"POST {API}/views": "write",
    f"PUT {API}/views/{{view}}": "write",
    f"DELETE {API}/views/{{view}}": "write",
    f"POST {API}/views/{{view}}/restore": "write",
}
"""Rule by method and path."""

DOORS = {
    "notabene": f"POST {API}/journals",
    "mlflow": "POST /api/2.0/mlflow/runs/create",
    "wandb": "POST /graphql",
}
"""Routes by which clients send runs; pages tell of those that are in the table."""

PAGES: Rule = "read"
"""Rule of the pages of the interface and their files: everything below no route of the API."""

PUBLIC = frozenset(place.split(" ", 1)[1] for place, rule in RULES.items() if rule == "public")
"""Paths that may be asked for by anybody who reaches the port."""

RIGHTS: frozenset[Rule] = frozenset({"public", "read", "write", "admin"})
"""What the one local user may do."""


def check_table(routes: Iterable[str]) -> None:
    """Hold the table against the routes that there are.

    Args:
        routes: ``GET /api/v1/runs/{run}`` and so on.

    Raises:
        RuntimeError: A route has no entry, or an entry no route.
    """
    found = set(routes)
    if open_ones := sorted(found - RULES.keys()):
        raise RuntimeError(f"routes without a rule in server/access.py: {', '.join(open_ones)}")
    if stale := sorted(RULES.keys() - found):
        raise RuntimeError(f"rules in server/access.py without a route: {', '.join(stale)}")


def require(place: str, rights: frozenset[Rule]) -> None:
    """Let a visitor with these rights pass, or not.

    Args:
        place: Method and path of the route.
        rights: What the visitor may do.

    Raises:
        AccessError: The visitor may not, or no rule allows it.
    """
    rule = RULES.get(place)
    if rule is None or rule not in rights:
        raise AccessError(f"you may not {place.split(' ')[0]} this", hint="ask for the right")
