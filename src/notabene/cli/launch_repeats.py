"""``notabene run --dry-run`` and ``--reuse``: was it done before?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from notabene._ids import now_us, user_name
from notabene.cli.render import figure, hint, print_json, say
from notabene.errors import ConflictError
from notabene.proof.telling import line_of
from notabene.settings import Settings
from notabene.tracking.judging import ask_for_command

if TYPE_CHECKING:
    from notabene.api import Api
    from notabene.proof.repeats import Manifest


def dry_run(command: tuple[str, ...], settings: Settings, *, as_json: bool) -> int:
    """Say what would be: new, a repeat, or near one. Runs nothing."""
    answer = ask_for_command(command, settings)
    if as_json:
        print_json(
            {
                "verdict": answer.verdict,
                "run": answer.run.run if answer.run else None,
                "running": answer.running,
                "differs": msgspec.to_builtins(answer.differs),
                "replicates": [one.run for one in answer.replicates],
            }
        )
    else:
        line = line_of(answer, now_us=now_us(), user=user_name())
        say(line or "new: nothing like it was run before")
    return 0


def before(
    api_of: Any, command: tuple[str, ...], settings: Settings, on_repeat: str, *, as_json: bool
) -> int | None:
    """What is to be done where the same was run before.

    Returns:
        An exit code where the program is not to run, else None.

    Raises:
        ConflictError: It was run before, and ``on_repeat`` is ``stop``.
    """
    if on_repeat not in ("reuse", "stop", "ask"):
        return None
    answer = ask_for_command(command, settings)
    if answer.verdict != "duplicate" or answer.run is None:
        if on_repeat == "reuse":
            line = line_of(answer, now_us=now_us(), user=user_name())
            hint(f"notabene: {line or 'nothing like it was run before'}; it is run now")
        return None
    line = line_of(answer, now_us=now_us(), user=user_name())
    if on_repeat == "stop":
        raise ConflictError(line, hint="--on-repeat warn runs it again")
    if on_repeat == "ask" and _again(line):
        return None
    if answer.running:
        raise ConflictError(line, hint=f"notabene wait {answer.run.run[-6:]}")
    with api_of() as api:
        return reuse(api, answer.run, as_json=as_json)


def _again(line: str) -> bool:
    """Whether to run it again; without a person at the terminal nobody is asked."""
    return not sys.stdin.isatty() or click.confirm(f"notabene: {line}. Run it again?", err=True)


def reuse(api: Api, manifest: Manifest, *, as_json: bool) -> int:
    """Give an earlier run's results, and put the files it wrote back where they are not."""
    view, record = api.run(manifest.run), api.record(manifest.run)
    restored, gone = [], []
    for one in record.data.written:
        path = Path(os.path.normpath(os.path.join(record.data.root, one.path)))
        if path.exists():
            continue
        content = api.content(one.digest)
        if content is None:
            gone.append(one.path)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        restored.append(one.path)
    if as_json:
        print_json(
            {
                "reused": True,
                "id": view.id,
                "name": view.name,
                "status": view.status,
                "summary": dict(view.summary),
                "restored": restored,
                "gone": gone,
            }
        )
        return 0
    say(f"reused {view.name} ({view.id[-6:]}): nothing was run")
    for key, value in list(view.summary.items())[:12]:
        say(f"  {key}  {figure(value)}")
    if restored:
        say(f"put back: {', '.join(restored[:8])}")
    if gone:
        say(f"not kept: {', '.join(gone[:8])}")
    return 0
