"""The search language: one grammar for the command line, ``Api``, the server and the UI."""

from __future__ import annotations

from notabene.query.ast import Expr, Field, Order
from notabene.query.completion import Suggestion, complete
from notabene.query.fields import ATTRIBUTES, PREFIXES, STATISTICS
from notabene.query.parser import parse, parse_field, parse_order
from notabene.query.plan import asks
from notabene.query.text import write, write_order

__all__ = [
    "ATTRIBUTES",
    "PREFIXES",
    "STATISTICS",
    "Expr",
    "Field",
    "Order",
    "Suggestion",
    "asks",
    "complete",
    "parse",
    "parse_field",
    "parse_order",
    "write",
    "write_order",
]
