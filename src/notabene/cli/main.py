"""The ``notabene`` command: one table of verbs, loaded when they are called.

Exit codes are those of the errors (see ``notabene.errors``): 0 good, 1 something failed,
2 wrong use, 3 not there, 4 conflict, 5 not allowed, 6 unreachable, 7 damaged content,
8 damaged or newer format, 9 something is not installed, 124 time is up, 130 Ctrl-C.
"""

from __future__ import annotations

import errno
import os
import sys
from difflib import get_close_matches
from importlib import import_module
from itertools import takewhile
from typing import Any

import click

from notabene._version import __version__
from notabene.cli.render import fail, hint
from notabene.errors import NotabeneError, TransportError

VERBS: dict[str, str] = {
    "run": "launch:run",
    "ls": "listing:ls",
    "show": "showing:show",
    "tail": "following:tail",
    "plot": "plotting:plot",
    "wait": "following:wait",
    "tag": "editing:tag",
    "note": "editing:note",
    "conclude": "editing:conclude",
    "rename": "editing:rename",
    "stop": "editing:stop",
    "rm": "editing:rm",
    "restore": "editing:restore",
    "diary": "showing:diary",
    "diff": "proving:diff",
    "why": "asking_why:why",
    "check": "proving:check",
    "repeats": "looking_back:repeats",
    "whence": "looking_back:whence",
    "stats": "looking_back:stats",
    "reproduce": "repeating:reproduce",
    "rerun": "repeating:rerun",
    "artifact": "artifacts:artifact",
    "export": "moving:export",
    "import": "importing:import_",
    "adopt": "adopting:adopt",
    "init": "keeping:init",
    "journal": "journals:journal",
    "db": "keeping:db",
    "gc": "keeping:gc",
    "config": "settling:config",
    "doctor": "settling:doctor",
    "ui": "serving:ui",
    "serve": "serving:serve",
    "demo": "demo:demo",
}


class Verbs(click.Group):
    """A group whose commands are imported when they are needed: a help text costs nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order of the table."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb."""
        del ctx
        place = VERBS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(f"notabene.cli.{module}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Ends well when the reader of our pipe has seen enough (``| head``).

        Raises:
            TransportError: The output went to a file for which there is no room.
        """
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _drop_output()
            return 0
        except OSError as error:
            # What is written into a store brings errors of its own; this is about the output.
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
                raise
            _drop_output()
            reason = (error.strerror or str(error)).lower()
            raise TransportError(f"cannot write the output: {reason}") from None
        return code

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggests what may have been meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], VERBS, n=1) if args else []
            if near:
                raise click.UsageError(
                    f"{error.format_message()} Did you mean {near[0]!r}?", ctx
                ) from error
            raise


def _drop_output() -> None:
    """Let what is not written yet go nowhere, or Python would try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="notabene")
@click.option("--store", type=click.Path(), help="Folder of the store.")
@click.pass_context
def cli(ctx: click.Context, store: str | None) -> None:
    """A laboratory notebook for machine learning that writes itself."""
    ctx.obj = {"store": store}


def main(args: list[str] | None = None) -> None:
    """Entry point of the ``notabene`` command; ends the process."""
    if sys.stdout is None or sys.stderr is None:  # closed by who started us
        nowhere = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    words = sys.argv[1:] if args is None else args
    as_json = "--json" in list(takewhile(lambda word: word != "--", words))
    try:
        code = cli.main(args=words, prog_name="notabene", standalone_mode=False)
    except NotabeneError as error:
        code = fail(error.to_dict(), error.exit_code, as_json=as_json, text=str(error))
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        hint(error.format_message())
        code = 2
    except click.ClickException as error:
        message = error.format_message()
        usage = error.ctx.get_usage() if isinstance(error, click.UsageError) and error.ctx else ""
        form = {"code": "usage", "message": message, "hint": usage}
        text = f"{message}\n{usage}" if usage else message
        code = fail(form, 2, as_json=as_json, text=text)
    except (KeyboardInterrupt, click.Abort):
        code = 130
    sys.exit(code if isinstance(code, int) else 0)
