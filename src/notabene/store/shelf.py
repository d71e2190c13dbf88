"""Reads of the smaller tables: projects, values, captures, artifacts, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from notabene._ids import SHORT_ID_LENGTH, now_us
from notabene.errors import NotFoundError
from notabene.model.entities import (
    ArtifactEdge,
    ArtifactVersion,
    LoggedValue,
    Note,
    Project,
    View,
)
from notabene.model.refs import ArtifactRef, parse_artifact
from notabene.query.fields import LOST_AFTER
from notabene.store import tables as t
from notabene.store.base import Capture
from notabene.store.resolve import LAST, Candidate
from notabene.store.state import Work
from notabene.store.visible import shown_captures, shown_values

decode = msgspec.msgpack.decode
LATEST = "latest"
MARKS = ("alias", "deleted", "logged")
"""Kinds of cells that say something about versions."""


def projects(connection: sa.Connection) -> list[Project]:
    """All projects by name; runs in the trash are not counted."""
    r = t.run.c
    alive = sa.and_(r.status == "running", r.alive >= now_us() - LOST_AFTER)
    query = (
        sa.select(
            r.project,
            sa.func.count(),
            sa.func.sum(sa.case((alive, 1), else_=0)),
            sa.func.min(r.created),
            sa.func.max(r.updated),
        )
        .where(r.deleted == 0)
        .group_by(r.project)
    )
    found = {
        name: Project(name=name, runs=runs, running=running, created=created, updated=updated)
        for name, runs, running, created, updated in connection.execute(query)
    }
    diary = sa.select(t.mark.c.scope, sa.func.min(t.mark.c.begun), sa.func.max(t.mark.c.time))
    diary = diary.where(t.mark.c.kind == "note").group_by(t.mark.c.scope)
    for name, begun, newest in connection.execute(diary):
        old = found.get(name) or Project(
            name=name, runs=0, running=0, created=begun, updated=newest
        )
        found[name] = msgspec.structs.replace(
            old, created=min(old.created, begun), updated=max(old.updated, newest)
        )
    return [found[name] for name in sorted(found)]


def candidates(connection: sa.Connection, ref: str) -> Iterator[Candidate]:
    """Runs that a reference could name."""
    r = t.run.c
    ref = ref.removeprefix("run:")
    query = sa.select(r.n, r.id, r.project, r.name, r.created, r.deleted)
    project, _, name = ref.rpartition("/")
    if name == LAST:
        query = query.where(r.deleted == 0)
        query = query.where(r.project == project) if project else query
        query = query.order_by(r.created.desc(), r.id.desc()).limit(1)
    else:
        options = [r.name == ref, r.id.startswith(ref, autoescape=True)]
        if len(ref) >= SHORT_ID_LENGTH:
            options.append(r.id.endswith(ref, autoescape=True))
        parts = ref.split("/")
        options += [
            sa.and_(r.project == "/".join(parts[:i]), r.name == "/".join(parts[i:]))
            for i in range(1, len(parts))
        ]
        query = query.where(sa.or_(*options))
    for n, run, of, called, created, deleted in connection.execute(query):
        yield Candidate(n, run, of, called, created, bool(deleted))


def values(connection: sa.Connection, work: Work, keys: Sequence[str]) -> list[LoggedValue]:
    """Logged values of a run that are no numbers, without those that a resume replaced."""
    v = t.value.c
    query = sa.select(v.writer, v.seq, v.key, v.step, v.time, v.kind, v.value)
    query = query.where(v.run == work.n)
    if keys:
        query = query.where(v.key.in_(list(keys)))
    return shown_values(work, connection.execute(query.order_by(v.key, v.step, v.time)).all())


def captures(connection: sa.Connection, work: Work) -> list[Capture]:
    """All that was captured around a run."""
    c = t.capture.c
    query = sa.select(c.part, c.writer, c.time, c.seq, c.data).where(c.run == work.n)
    rows = [(*row[:4], decode(row[4])) for row in connection.execute(query)]
    return shown_captures(work, rows)


# -- artifacts -----------------------------------------------------------------------------


def artifact(connection: sa.Connection, ref: str) -> ArtifactVersion:
    """The version that a reference names; see :meth:`notabene.store.base.Store.artifact`."""
    parsed = parse_artifact(ref)
    return choose_version(parsed, artifacts(connection, parsed.name, deleted=True))


def choose_version(ref: ArtifactRef, versions: Sequence[ArtifactVersion]) -> ArtifactVersion:
    """The version of an artifact that a reference means.

    Raises:
        NotFoundError: There is none.
    """
    if not versions:
        raise NotFoundError(f"there is no artifact {ref.name!r}")
    if ref.version is not None:
        found = [v for v in versions if v.version == ref.version]
    else:
        found = [v for v in versions if ref.alias in v.aliases]
    if found:
        return found[-1]
    known = f"v{versions[0].version} to v{versions[-1].version}"
    aliases = sorted({alias for v in versions for alias in v.aliases})
    hint = f"it has {known}" + (f" and the aliases {', '.join(aliases)}" if aliases else "")
    raise NotFoundError(f"there is no artifact {ref}", hint=hint)


def artifacts(
    connection: sa.Connection, name: str = "", *, deleted: bool = False
) -> list[ArtifactVersion]:
    """Versions by name and number."""
    a, m = t.artifact.c, t.mark.c
    query = sa.select(t.artifact).order_by(a.name, a.version)
    marks = sa.select(m.kind, m.scope, m.key, m.value).where(m.kind.in_(MARKS))
    if name:
        query, marks = query.where(a.name == name), marks.where(m.scope == name)
    cells = [(*row[:3], decode(row[3])) for row in connection.execute(marks)]
    rows = [
        ArtifactVersion(
            name=row.name,
            version=row.version,
            type=row.type,
            digest=row.digest,
            size=row.size,
            files=row.files,
            created=row.time,
            run=row.run,
            metadata=decode(row.metadata),
            description=row.description,
        )
        for row in connection.execute(query)
    ]
    return marked(rows, cells, deleted=deleted)


def marked(
    versions: Sequence[ArtifactVersion],
    cells: Sequence[tuple[str, str, str, Any]],
    *,
    deleted: bool,
) -> list[ArtifactVersion]:
    """Versions with their aliases, and with or without those in the trash.

    The one of a name that was logged last, and is not in the trash, has the alias ``latest``.

    Args:
        versions: As they were made.
        cells: ``(kind, name, key, value)`` of aliases, deletions and times of logging.
        deleted: Whether to give those in the trash as well.
    """
    aliases: dict[tuple[str, int], list[str]] = {}
    gone: set[tuple[str, int]] = set()
    logged: dict[tuple[str, int], int] = {}
    for kind, name, key, value in cells:
        if kind == "alias" and value is not None and key != LATEST:
            aliases.setdefault((name, value), []).append(key)
        elif kind == "deleted" and value:
            gone.add((name, int(key)))
        elif kind == "logged":
            logged[name, int(key)] = value
    latest = _logged_last([v for v in versions if (v.name, v.version) not in gone], logged)
    out = []
    for version in versions:
        place = version.name, version.version
        if deleted or place not in gone:
            names = (LATEST,) if place in latest else ()
            names = (*names, *sorted(aliases.get(place, ())))
            out.append(msgspec.structs.replace(version, aliases=names, deleted=place in gone))
    return out


def _logged_last(
    versions: Iterable[ArtifactVersion], logged: Mapping[tuple[str, int], int]
) -> set[tuple[str, int]]:
    """Of each name the version that was logged last; of equal times the higher number."""
    last: dict[str, tuple[int, int]] = {}
    for v in versions:
        here = logged.get((v.name, v.version), v.created), v.version
        last[v.name] = max(last.get(v.name, here), here)
    return {(name, version) for name, (_, version) in last.items()}


def links(
    connection: sa.Connection, run: str, name: str, version: int | None
) -> list[ArtifactEdge]:
    """Which runs made or read which versions, in order of time."""
    e = t.edge.c
    query = sa.select(t.run.c.id, e.direction, e.name, e.version, e.digest, e.time, e.role)
    query = query.join(t.run, t.run.c.n == e.run)
    if run:
        query = query.where(t.run.c.id == run)
    if name:
        query = query.where(e.name == name)
    if version is not None:
        query = query.where(e.version == version)
    query = query.order_by(e.time, t.run.c.id, e.direction, e.name, e.version, e.role)
    return [
        ArtifactEdge(
            run=of, direction=direction, name=what, version=v, digest=digest, time=time, role=role
        )
        for of, direction, what, v, digest, time, role in connection.execute(query)
    ]


def notes(connection: sa.Connection, project: str) -> list[Note]:
    """The diary of a project, in order of time."""
    m = t.mark.c
    query = sa.select(m.key, m.begun, m.value).where(m.kind == "note", m.scope == project)
    rows = [(key, begun, decode(value)) for key, begun, value in connection.execute(query)]
    return diary(project, rows)


def diary(project: str, rows: Sequence[tuple[str, int, Any]]) -> list[Note]:
    """Notes from ``(id, time, [text, author])``, in order of time; empty ones were taken back."""
    found = [
        Note(id=key, text=value[0], author=value[1], time=begun, project=project)
        for key, begun, value in rows
        if value[0]
    ]
    return sorted(found, key=lambda note: (note.time, note.id))


def views(connection: sa.Connection, project: str | None) -> list[View]:
    """Views that were saved, in order of time: all, or those of one project."""
    m = t.mark.c
    query = sa.select(m.scope, m.key, m.begun, m.value).where(m.kind == "view")
    if project is not None:
        query = query.where(m.scope == project)
    return shown_views([(*row[:3], decode(row[3])) for row in connection.execute(query)])


def shown_views(rows: Sequence[tuple[str, str, int, Any]]) -> list[View]:
    """Views in order of time, without those that were taken back.

    Args:
        rows: ``(project, id, time, [name, page, state, author, deleted])``.
    """
    found = [
        View(
            id=key,
            project=project,
            name=value[0],
            page=value[1],
            state=value[2],
            author=value[3],
            created=begun,
        )
        for project, key, begun, value in rows
        if not value[4]
    ]
    return sorted(found, key=lambda view: (view.created, view.id))
