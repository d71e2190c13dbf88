"""The matrix: Python versions, with and without the extras. Daily work needs only `make`."""

from __future__ import annotations

import nox

nox.options.sessions = ["full", "minimal"]
nox.options.reuse_existing_virtualenvs = True
PYTHONS = ["3.11", "3.12", "3.13"]
NOT_HERE = ["-m", "not slow", "-q"]


@nox.session(python=PYTHONS)
def full(session: nox.Session) -> None:
    """Everything a plain `make test` runs, with all extras."""
    session.install("-e", ".[demo,postgres,gpu,pandas,polars,arrow]", "--group", "test")
    session.run("pytest", *NOT_HERE, *session.posargs)


@nox.session(python=PYTHONS)
def minimal(session: nox.Session) -> None:
    """A plain install: what needs an extra is skipped, and nothing else breaks."""
    session.install("-e", ".", "hypothesis", "pytest")
    session.run("pytest", *NOT_HERE, *session.posargs)
