"""All that surrounds a run, part by part; what one part fails at does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from notabene._lazy import load
from notabene.capture.launch import Launch
from notabene.capture.part import FAILURES, Deadline, Part
from notabene.capture.process import process
from notabene.capture.secrets import Redactor

_NEEDS: dict[str, tuple[str, ...]] = {
    "process": (),
    "environment": ("locale", "platform", "notabene.capture.environment"),
    "code": ("subprocess", "hashlib", "notabene.capture.code"),
    "hardware": ("psutil", "platform", "shutil", "notabene.capture.hardware"),
}
"""What the parts import; they are made on a background thread."""


class Capture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to record about the surroundings of a run: ``init(capture=Capture(code=False))``.

    Attributes:
        process: Command line, folder, user, host, launcher.
        code: Git commit and changes, sources that no commit holds, notebook cells.
        environment: Interpreter, packages, system, container, selected variables.
        hardware: Processors, memory, disk, GPUs; and system metrics while the run goes on.
        console: What the process prints.
        data: Files that were read, written, listed and looked for.
        randomness: Start states of generators, seeds, entropy.
        parameters: Options that were parsed, variables that were read, config files.
        outside: Programs that were started, hosts that were talked to.
        budget: Seconds, at most, for all but the console; it is spent in the background.
        secrets: Names whose values are hidden, beside those known by themselves.
        program: The command that is recorded, where it is not this process's own, as in
            ``notabene run``.
        patterns: Its ``--metrics``.
    """

    process: bool = True
    code: bool = True
    environment: bool = True
    hardware: bool = True
    console: bool = True
    data: bool = True
    randomness: bool = True
    parameters: bool = True
    outside: bool = True
    budget: float = 20.0
    secrets: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, value: bool | Capture | None) -> Capture:
        """True and None mean everything, False means nothing."""
        if isinstance(value, Capture):
            return value
        if value is not False:
            return cls()
        return cls(
            process=False,
            code=False,
            environment=False,
            hardware=False,
            console=False,
            data=False,
            randomness=False,
            parameters=False,
            outside=False,
        )

    @property
    def observes(self) -> bool:
        """Whether anything is wanted that is seen while the program runs."""
        return self.data or self.randomness or self.parameters or self.outside


def snapshot(
    capture: Capture, started: Launch | None = None, *, environ: Mapping[str, str] | None = None
) -> Iterator[Part]:
    """The parts that are wanted, each as soon as it is ready, the cheap and the weighty first.

    Args:
        capture: What is wanted.
        started: What :func:`notabene.capture.launch.launch` found, if it was asked already.
        environ: The environment of the run; default is that of the process.
    """
    deadline = Deadline(capture.budget)
    for name in ("process", "environment", "code", "hardware"):
        if getattr(capture, name):
            yield _part(name, capture, deadline, started, environ)


def snapshot_code(capture: Capture, *, environ: Mapping[str, str] | None = None) -> Part:
    """The part ``code`` as it is now."""
    return _part("code", capture, Deadline(capture.budget), None, environ)


def _part(
    name: str,
    capture: Capture,
    deadline: Deadline,
    started: Launch | None,
    environ: Mapping[str, str] | None,
) -> Part:
    redactor = Redactor(capture.secrets)
    try:
        load(*_NEEDS[name])
        if name == "process":
            part = process(redactor, started, environ, capture.program)
            if capture.patterns:
                part.data["patterns"] = list(capture.patterns)
            return part
        if name == "environment":
            from notabene.capture.environment import environment

            return environment(redactor, deadline, environ)
        if name == "hardware":
            from notabene.capture.hardware import hardware

            return hardware(environ)
        from notabene.capture.code import code

        return code(redactor, deadline, program=capture.program, environ=environ)
    except FAILURES as error:
        return Part(name, {"failed": f"{type(error).__name__}: {error}"})
