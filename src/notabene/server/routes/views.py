"""Views that people saved."""

from __future__ import annotations

HANDLERS: list[object] = []
