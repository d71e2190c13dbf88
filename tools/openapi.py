"""Writes web/openapi.json from the routes: `python tools/openapi.py`.

The web interface makes its typed client from it. With ``--check`` nothing is written; the
difference is printed and the exit status is 1 where the file is not what the routes say.
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path

PATH = Path(__file__).resolve().parents[1] / "web/openapi.json"


def text() -> str:
    """The document, laid out so that a change shows as few lines."""
    from notabene.server.app import describe

    return json.dumps(describe(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file, or compare it; gives the exit status."""
    new = text()
    old = PATH.read_text(encoding="utf-8") if PATH.exists() else ""
    if "--check" in sys.argv[1:]:
        lines = difflib.unified_diff(
            old.splitlines(), new.splitlines(), "web/openapi.json", "the routes", lineterm="", n=1
        )
        found = list(lines)
        print(*found[:80], sep="\n", end="\n" if found else "")
        if found:
            print("web/openapi.json is not what the routes say: run `python tools/openapi.py`")
        return int(bool(found))
    if new != old:
        PATH.parent.mkdir(exist_ok=True)
        PATH.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
