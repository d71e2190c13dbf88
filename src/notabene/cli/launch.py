"""``notabene run -- CMD``: record any program without changing it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from notabene.capture.secrets import HIDDEN, Redactor
from notabene.cli.render import common, hint, open_api, store_of
from notabene.errors import NotabeneError, NotFoundError, UsageError
from notabene.model.records import ConsoleNoted
from notabene.settings import Settings, environment

if TYPE_CHECKING:
    from notabene.capture.pump import Outcome
    from notabene.capture.snapshot import Capture
    from notabene.tracking.run import Run

NOT_FOUND = 127
NOT_EXECUTABLE = 126
CTRL_C = 130


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("-p", "--project", help="Project of the run.")
@click.option("--name", help="Name of the run.")
@click.option("--id", "run_id", help="An id of one's own.")
@click.option("--group", help="Group of the run.")
@click.option("-t", "--tag", "tags", multiple=True, help="word or name=value; several times.")
@click.option("-c", "--config", "config", multiple=True, help="lr=0.1; several times.")
@click.option("--hypothesis", help="What the run is meant to show.")
@click.option("--parent", help="Run that this one belongs under.")
@click.option("--dry-run", is_flag=True, help="Say whether it was run before; run nothing.")
@click.option("--reuse", is_flag=True, help="Give the results of the same run, if there is one.")
@click.option(
    "--on-repeat",
    type=click.Choice(["warn", "ask", "reuse", "stop", "ignore"]),
    help="When the same was run before; default: the setting on_repeat.",
)
@click.option("--environment", "given", type=click.Path(exists=True), hidden=True)
@click.option(
    "--metrics",
    "patterns",
    multiple=True,
    help="Take numbers from the output: 'loss=([0-9.]+)'. Named groups name metrics, and step.",
)
@common
def run(
    command: tuple[str, ...],
    project: str | None,
    name: str | None,
    run_id: str | None,
    group: str | None,
    tags: tuple[str, ...],
    config: tuple[str, ...],
    hypothesis: str | None,
    parent: str | None,
    given: str | None,
    dry_run: bool,
    reuse: bool,
    on_repeat: str | None,
    patterns: tuple[str, ...],
    store: str | None,
    as_json: bool,
) -> int:
    """Run a program and record it: notabene run -- python train.py --lr 0.1

    Options of notabene stand before the program. Ends with the program's own exit code. If the
    program calls notabene.init() itself, it joins this run.
    """
    from notabene.tracking.init import init

    reader = PatternReader(patterns)
    settings = _settings_of(config)
    asked = Settings({"store": store_of(store), "on_repeat": "reuse" if reuse else on_repeat})
    if given is None and (dry_run or asked["on_repeat"] in ("reuse", "stop", "ask")):
        from notabene.cli import launch_repeats as repeats

        if dry_run:
            return repeats.dry_run(command, asked, as_json=as_json)
        code = repeats.before(
            lambda: open_api(store), command, asked, asked["on_repeat"], as_json=as_json
        )
        if code is not None:
            return code
    run = init(
        project,
        name=name,
        id=run_id,
        group=group,
        tags=tags,
        config={**_arguments(command), **settings} or None,
        hypothesis=hypothesis,
        parent=parent,
        capture=_capture(command, patterns),
        store=store_of(store),
    )
    reader.run = run
    told = {"name": name, "group": group, "project": project}
    ended = _launch(run, command, reader, _environment(given), [w for w in told if told[w]])
    if as_json:
        from notabene.cli.render import print_json

        print_json({"id": run.id, "name": run.name, "status": run.status, "exit_code": ended})
    return ended


def _capture(command: tuple[str, ...], patterns: tuple[str, ...]) -> Capture:
    """The parent records everything but the console, which the pump takes from the child."""
    from notabene.capture.snapshot import Capture

    return Capture(console=False, program=command, patterns=patterns)


def _settings_of(words: tuple[str, ...]) -> dict[str, object]:
    settings: dict[str, object] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--config {word!r} is not possible; it takes name=value")
        settings[key] = _typed(value)
    return settings


def _typed(text: str) -> object:
    """A number, true or false where the text is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def _arguments(command: tuple[str, ...]) -> dict[str, object]:
    """Options of the command line as config: ``--lr 0.1`` and ``--lr=0.1``."""
    found: dict[str, object] = {}
    words = list(command[1:])
    while words:
        word = words.pop(0)
        match = re.fullmatch(r"--([A-Za-z][\w.-]*)(?:=(.*))?", word, re.DOTALL)
        if match is None:
            continue
        key, value = match[1].replace("-", "_"), match[2]
        if value is None and words and not re.match(r"-{1,2}[A-Za-z]", words[0]):
            value = words.pop(0)
        found[key] = True if value is None else _typed(value)
    hide = Redactor()
    return {k: HIDDEN if hide.is_secret(k, v) else v for k, v in found.items()}


class PatternReader:
    """Takes metrics from lines of output by regular expressions.

    A named group ``(?P<acc>...)`` names its metric; a pattern without one is named after the
    word before its group: ``loss=([0-9.]+)`` gives ``loss``. Where a pattern has a group named
    ``step`` that is the step of the line's numbers. Of a progress bar the last state counts, as
    how many there are is chance; with a step each one does.

    Raises:
        UsageError: A pattern does not parse, or has no group.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.run: Run | None = None
        self._patterns: list[tuple[re.Pattern[str], dict[int, str]]] = []
        self._seen: dict[str, str] = {}
        for text in patterns:
            try:
                pattern = re.compile(text)
            except re.error as error:
                raise UsageError(f"--metrics {text!r} is no regular expression: {error}") from error
            if not pattern.groups:
                raise UsageError(
                    f"--metrics {text!r} has no group", hint="--metrics 'loss=([0-9.]+)'"
                )
            self._patterns.append((pattern, self._names(pattern)))

    @staticmethod
    def _names(pattern: re.Pattern[str]) -> dict[int, str]:
        names = {index: name for name, index in pattern.groupindex.items()}
        if not names:
            before = re.match(r"\W*([A-Za-z_][\w/.-]*?)(?:\\s|\W)*\(", pattern.pattern)
            names[1] = before[1] if before else "value"
        return names

    def state(self, stream: str, line: str, whole: bool) -> None:
        """Look at one line; called when it is complete, and before it is written over."""
        if self.run is None:
            return
        found = [(numbers, step) for numbers, step in self._find(line) if whole or step is not None]
        seen = self._seen.pop(stream, None)
        if not whole:
            self._seen[stream] = repr(found)
        if repr(found) == seen:
            return
        for numbers, step in found:
            for name, number in numbers.items():
                self.run.log_metric(name, number, step=step)

    def _find(self, line: str) -> Iterator[tuple[dict[str, float], int | None]]:
        for pattern, names in self._patterns:
            for match in pattern.finditer(line):
                given = {name: _number(match[index]) for index, name in names.items()}
                numbers = {name: number for name, number in given.items() if number is not None}
                step = numbers.pop("step", math.nan)
                yield numbers, int(step) if math.isfinite(step) else None


def _number(text: str | None) -> float | None:
    try:
        return float(text.replace(",", "").rstrip("%")) if text else None
    except ValueError:
        return None


def _environment(given: str | None) -> dict[str, Any]:
    """What ``notabene reproduce`` wants of the program's environment: variables to ``set`` and
    ``unset``, the ``map`` of paths that are led elsewhere, the ``hash`` secret."""
    if given is None:
        return {}
    found: dict[str, Any] = json.loads(Path(given).read_text("utf-8"))
    return found


def _launch(
    run: Run,
    command: tuple[str, ...],
    on_line: PatternReader,
    given: dict[str, Any],
    told: list[str],
) -> int:
    from notabene.capture.pump import pump
    from notabene.capture.transcript import Transcript
    from notabene.journal.folder import CONSOLE
    from notabene.tracking.names import join_variables

    transcript = Transcript(
        None if run.path is None else run.path / f"{run.writer_id}{CONSOLE}",
        limit=Settings()["console_limit"] << 20,
        redactor=Redactor(),
        on_state=on_line.state,
    )
    env = {**environment()}
    if run.folder is not None:  # else nothing is recorded, by the program neither
        root = str(run.folder.root)
        env |= {**join_variables(run.id, root, told), "NOTABENE_STORE": root}
    env |= given.get("set", {})
    for name in given.get("unset", ()):
        env.pop(name, None)
    if run.attendance is not None:
        redirect = Path(given["map"]) if given.get("map") else None
        env = run.attendance.for_program(env, redirect=redirect, hash_secret=given.get("hash", ""))
    try:
        outcome = pump(list(command), transcript, env=env, on_start=_stopping(run))
    except NotabeneError as error:
        missing = isinstance(error, NotFoundError)
        code = NOT_FOUND if missing else NOT_EXECUTABLE
        run.finish("failed", exit_code=code, reason=error.message)
        hint(f"notabene: {error}")
        return code
    run.record(
        ConsoleNoted(bytes=transcript.bytes, lines=transcript.lines, dropped=transcript.dropped)
    )
    return _finish(run, outcome, "\n".join(transcript.last_lines(40)))


def _stopping(run: Run) -> Callable[[int], None]:
    """Have a stop request reach the program, whose process id is given when it has begun.

    A signal to us would not do: of one that comes as if from the keyboard the program has had its
    own, where it shares our terminal. What is ignored here, it ignores as well.
    """
    number = signal.SIGINT
    if signal.getsignal(number) == signal.SIG_IGN:
        number = signal.SIGTERM

    def stop(pid: int) -> None:
        assert run.folder is not None
        # Where the program joined this run it hears the request itself.
        if set(run.folder.live_runs().get(run.id, ())) <= {run.writer_id}:
            with contextlib.suppress(OSError):
                (os.killpg if os.getpgid(pid) == pid else os.kill)(pid, number)

    def started(pid: int) -> None:
        if run.attendance is not None:
            run.attendance.on_stop = lambda: stop(pid)

    return started


def _finish(run: Run, outcome: Outcome, last_lines: str) -> int:
    """End the run as its program ended."""
    name = outcome.reason
    if outcome.signal or outcome.code == CTRL_C:
        asked = outcome.code == CTRL_C or name in ("SIGINT", "SIGTERM", "SIGHUP")
        run.finish(
            "stopped" if asked else "killed",
            exit_code=outcome.shell_code,
            reason="Ctrl-C" if name == "SIGINT" or outcome.code == CTRL_C else name,
            last_lines=last_lines,
        )
    else:
        run.finish(
            "failed" if outcome.code else "finished",
            exit_code=outcome.code,
            reason=outcome.reason,
            last_lines=last_lines if outcome.code else "",
        )
    return outcome.shell_code
