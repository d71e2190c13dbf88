"""``init``: assemble settings, store, writer and attendance into a run."""

from __future__ import annotations

import copyreg
import os
import time
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from notabene._ids import (
    boot_id,
    host_name,
    new_run_id,
    new_writer_id,
    now_us,
    process_start,
    user_name,
)
from notabene._version import __version__
from notabene.errors import ConflictError, NotabeneError, NotFoundError, UsageError
from notabene.journal.folder import StoreFolder
from notabene.journal.numbers import next_number
from notabene.journal.writer import Writer
from notabene.model.records import Renamed, RunCreated, WriterStarted
from notabene.model.refs import check_name, check_run_id
from notabene.settings import Settings
from notabene.tracking import context, given, lifecycle, names
from notabene.tracking.attendance import Attendance
from notabene.tracking.config import as_mapping, flatten
from notabene.tracking.cut import cut_short
from notabene.tracking.elsewhere import other_store, refused
from notabene.tracking.guard import Guard
from notabene.tracking.keys import tag_cells
from notabene.tracking.past import Past, has_rank, look_back
from notabene.tracking.run import Run
from notabene.tracking.tapped import tap_for
from notabene.tracking.writers import open_writer

if TYPE_CHECKING:
    from notabene.capture.launch import Agreement, Launch
    from notabene.capture.snapshot import Capture

Resume = Literal["never", "allow", "must"]
Mode = Literal["online", "offline", "disabled"]


class Plan(msgspec.Struct, kw_only=True):
    """What ``init`` has decided before anything is written."""

    id: str
    project: str
    name: str
    group: str
    parent: str
    tags: dict[str, str]
    hypothesis: str
    rank: int
    world: int
    user: str
    given: bool
    """The id was given by the caller or the environment."""
    agreed: bool
    """The ranks of a job agreed on the id: others may be there already."""
    said: dict[str, str]
    """Name, group and project as this call gives them to a run that is there already."""
    below: bool
    """Our own parent began the run and writes to it: we are one of its workers."""
    joined: bool
    """``notabene run`` began the run and keeps the console; this is its program."""
    resume: Resume
    source: str = "sdk"
    """What made it: the program itself, or ``command`` for ``notabene run``."""


def init(
    project: str | None = None,
    *,
    name: str | None = None,
    config: Any = None,
    hypothesis: str | None = None,
    tags: Iterable[str] | Mapping[str, Any] | None = (),
    group: str | None = None,
    parent: str | Run | None = None,
    id: str | None = None,
    resume: Resume | bool = "never",
    capture: bool | Capture = True,
    store: str | os.PathLike[str] | None = None,
    mode: Mode | None = None,
    notes: str | None = None,
    tensorboard: bool | str | os.PathLike[str] | None = None,
) -> Run:
    """Begin a run; the current one until it is finished.

    Args:
        project: Project it belongs to; default is the setting, else the folder's name.
        name: Name for people; default is two words and a number.
        config: Settings of the experiment: a mapping, Namespace, dataclass, pydantic model,
            OmegaConf or absl flags; nested ones as well.
        hypothesis: What the run is meant to show.
        tags: Words, or names with values.
        group: Runs of one group belong together (folds, seeds, a sweep).
        parent: The run this one belongs under; default is the run that started this program.
        id: An id of one's own: 1 to 128 letters, digits, ``.``, ``_``, ``-``.
        resume: What to do when a run of this id exists: ``never`` refuses, ``allow`` goes on
            with it, ``must`` refuses when there is none.
        capture: False records nothing about code, environment, hardware and console; a
            :class:`Capture` says which.
        store: Folder of the store; see the setting ``store``.
        mode: ``online``, ``offline`` (never contact a server), ``disabled`` (record nothing).
        notes: A first note.
        tensorboard: True also takes over what the program writes for TensorBoard from here on;
            a folder follows that folder's event files as well, whoever writes them.

    Raises:
        UsageError: A wrong argument, or a store that may not be used. (A disk that is full or
            fails is a warning, and the run is kept in a store in ``$TMPDIR``.)
        ConflictError: The id is taken and ``resume`` is ``never``; or the same was done before
            and the setting ``on_repeat`` is ``stop``.
        NotFoundError: ``resume="must"`` and there is no such run.
        FormatError: The store was written by a newer notabene.
    """
    begun = time.process_time_ns()
    resume = given.check_resume(resume)
    given.check_names(project_name=project, run_name=name, group=group)
    given.check_texts(hypothesis=hypothesis, notes=notes)
    given.check_capture(capture)
    given.check_tensorboard(tensorboard)
    above = given.check_parent(parent)
    settings = Settings(
        {
            "store": names.store_of_rerun() or store,
            "project": project,
            "run_id": id,
            "name": name,
            "group": group,
            "mode": mode,
        }
    )
    if config is not None and not isinstance(config, Mapping):
        config = as_mapping(config)
    from notabene.capture.launch import launch

    job = launch()
    program = () if isinstance(capture, bool) else capture.program
    plan = _plan(
        settings,
        job,
        tags=() if tags is None else tags,
        hypothesis=hypothesis,
        above=above,
        resume=resume,
        program=program,
    )
    names.finish_earlier_in_notebook()
    _refuse_repeat(settings, plan, capture, config)
    if settings["mode"] == "disabled":
        run = _disabled(plan, settings)
    else:
        run = _open_somewhere(plan, settings, job, capture, tensorboard)
    context.enter(run)
    if config is not None:
        run.config.update(config)
    if notes and notes.strip():
        run.note(notes)
    # Who asks for the run by its id from now on finds it.
    run.flush()
    if run.attendance is not None:
        run.attendance.start()
    run.spent_us += (time.process_time_ns() - begun) // 1000
    return run


def _refuse_repeat(
    settings: Settings, plan: Plan, capture: bool | Capture, config: Mapping[str, Any] | None
) -> None:
    """Do not begin a repeat, where the setting says so; ``notabene run`` asks by itself."""
    if (
        settings["on_repeat"] in ("ask", "stop")
        and settings["observe"]
        and settings["mode"] != "disabled"
        and capture is not False
        and plan.source == "sdk"
        and not plan.joined
        and plan.rank == 0
        and plan.resume == "never"
    ):
        from notabene.tracking.judging import refuse_repeat

        refuse_repeat(settings, flatten(as_mapping(config or {})))


def _plan(
    settings: Settings,
    job: Launch,
    *,
    tags: Iterable[str] | Mapping[str, Any],
    hypothesis: str | None,
    above: str | None,
    resume: Resume,
    program: tuple[str, ...] = (),
) -> Plan:
    run_id, agreed = settings["run_id"], False
    around = names.surrounding_run(settings.store)
    nth = names.next_init()
    if settings.sources["run_id"] == "NOTABENE_RUN_ID":
        run_id = names.id_of_nth(run_id, nth, around.run)
        resume = "allow" if run_id and resume == "never" else resume
    named = bool(run_id)
    if not run_id and around.join:
        run_id, agreed = around.run, True
    if not run_id:
        found = _agreed(settings.store, job, nth)
        if found is not None:
            run_id, agreed = found.id, True
            resume = "allow" if found.continues else resume
    if not run_id and resume == "must":
        raise UsageError(
            "resume='must' does not say which run; it needs its id",
            hint="id=... or NOTABENE_RUN_ID",
        )
    chosen = check_run_id(run_id) if run_id else new_run_id()
    if above is None:
        outer = context.current_run()
        if outer is None:
            above = "" if around.join else around.run
        else:
            here = outer.folder is None or outer.folder.root == settings.store.absolute()
            above = outer.id if here else ""
    joined = around.join and chosen == around.run
    below = chosen == around.run and not joined and (resume != "never" or names.shares_work())
    return Plan(
        id=chosen,
        project=check_name(settings["project"] or names.default_project(program), "project name"),
        name=check_name(settings["name"] or names.run_name(chosen), "run name"),
        group=check_name(settings["group"], "group") if settings["group"] else "",
        parent=above if above and above != chosen else "",
        tags={**tag_cells(settings["tags"]), **tag_cells(tags)},
        hypothesis=(hypothesis or "").strip(),
        rank=job.rank,
        world=job.world,
        user=user_name(),
        given=named,
        agreed=agreed or below,
        below=below,
        said=names.said_of_run(settings, joined),
        joined=joined,
        resume="never" if below else resume,
        source="command" if program else "sdk",
    )


def _agreed(store: Path, job: Launch, nth: int) -> Agreement | None:
    """The id that all ranks of this launch come to; None where each process has its own.

    An earlier launch may have had the same marks (a job script that starts a program twice):
    then its run holds a writer of our rank already, and the next id is asked for.
    """
    from notabene.capture.launch import agreed_run_id

    for attempt in range(1000):
        found = agreed_run_id(nth, job, attempt=attempt)
        if found is None or found.continues or not (store / "runs").is_dir():
            return found
        run_dir = StoreFolder(store, "").find_run_dir(found.id)
        if run_dir is None or not has_rank(run_dir, job.rank):
            return found
    return None


def _disabled(plan: Plan, settings: Settings) -> Run:
    guard = Guard(strict=settings["strict"], quiet=True, report=lambda *_: None)
    return Run(
        id=plan.id,
        name=plan.name,
        project=plan.project,
        writer=None,
        folder=None,
        path=None,
        guard=guard,
        user=plan.user,
    )


def _accept_tensors_with_gradients() -> None:
    """``log({"loss": loss})`` is meant: torch need not warn of it, but only from our own frame."""
    warnings.filterwarnings(
        "ignore",
        message="Converting a tensor with requires_grad=True to a scalar",
        module=r"notabene\.journal\.ring",
    )


def _open_somewhere(
    plan: Plan,
    settings: Settings,
    job: Launch,
    capture: bool | Capture,
    tensorboard: bool | str | os.PathLike[str] | None,
) -> Run:
    """The run in its store; where the disk refuses, in another one, or kept nowhere at all."""
    try:
        return _open(plan, settings, settings.store, job, capture, tensorboard)
    except (OSError, UsageError) as error:
        reason = refused(error)
        if not reason or settings["strict"]:
            raise
    why = f"the store {settings.store} takes no run ({reason.lower()})"
    plan.resume = "allow"
    other = other_store()
    if other is not None:
        with suppress(OSError, NotabeneError):
            run = _open(plan, settings, other, job, capture, tensorboard)
            run.guard.note("elsewhere", f"{why}: this one is kept in {other}", mild=True)
            return run
    run = _disabled(plan, settings)
    run.guard.quiet = settings["quiet"]
    run.guard.note("elsewhere", f"{why}: nothing of this one is kept")
    return run


def _open(
    plan: Plan,
    settings: Settings,
    store: Path,
    job: Launch,
    capture: bool | Capture,
    tensorboard: bool | str | os.PathLike[str] | None,
) -> Run:
    from notabene.capture.snapshot import Capture

    folder = StoreFolder.open(store, create=True)
    run_dir, past = _run_dir(folder, plan)
    _accept_tensors_with_gradients()
    if past is not None:
        plan.said = _news(plan, past)
        plan.name = plan.said.get("name") or past.name or plan.name
    run_holder: list[Run] = []
    quiet = settings["quiet"] or job.quiet or plan.joined or plan.below or context.is_hushed()
    guard = Guard(
        strict=settings["strict"],
        quiet=settings["quiet"],
        report=lambda *what: run_holder[0].report_health(*what) if run_holder else None,
    )
    sync = settings["sync"] != "never"
    writer = open_writer(run_dir, plan.id, new_writer_id(), plan.rank, guard, sync=sync)
    run = Run(
        id=plan.id,
        name=plan.name,
        project=plan.project,
        writer=writer,
        folder=folder,
        path=run_dir,
        guard=guard,
        rank=plan.rank,
        user=plan.user,
    )
    run_holder.append(run)
    replaces = past.replaces(plan.rank) if past is not None and not plan_joins(plan, past) else ()
    _introduce(run, writer, plan, past, replaces)
    folder.mark_live(plan.id, writer.id)
    wanted = Capture.of(capture)
    if plan.joined or plan.below:
        # Who began the run keeps the console, and gathers what this process sees.
        wanted = msgspec.structs.replace(
            wanted, console=False, data=False, randomness=False, parameters=False, outside=False
        )
    run.attendance = Attendance(
        run,
        writer,
        settings,
        job,
        wanted,
        quiet=quiet,
        continued=bool(replaces),
        joined=past is not None,
        epoch=past.first_time if past is not None else 0,
        tap=tap_for(run, settings, tensorboard, replaces, plan.joined, bool(wanted.program)),
    )
    lifecycle.install(signals=not plan.below)
    names.tell_children(run)
    cut_short(run)
    return run


def _news(plan: Plan, past: Past) -> dict[str, str]:
    """What this call says that no earlier one did; ranks and people keep their word."""
    if plan.rank or (plan_joins(plan, past) and not plan.joined):
        return {}
    return {what: name for what, name in plan.said.items() if name not in past.said[what]}


def plan_joins(plan: Plan, past: Past) -> bool:
    """Whether this process joins a run that others write to now, replacing nothing."""
    return plan.agreed and plan.resume == "never" and past.exists


def _run_dir(folder: StoreFolder, plan: Plan) -> tuple[Path, Past | None]:
    """Folder of the run, and what earlier writers left there (None for a new run).

    Raises:
        ConflictError, NotFoundError: See :func:`init`.
        UsageError: The folder cannot be made.
    """
    found = folder.find_run_dir(plan.id)
    if found is None and folder.find_run_dir(plan.id, trash=True) is not None:
        raise ConflictError(
            f"the run {plan.id} is in the trash", hint=f"notabene restore {plan.id}"
        )
    if found is None:
        if plan.resume == "must":
            raise NotFoundError(
                f"there is no run {plan.id} in {folder.root} to resume",
                hint="use resume='allow' to begin it",
            )
        try:
            return folder.new_run_dir(plan.id, now_us()), None
        except FileExistsError as error:
            found = Path(error.filename or str(error))
            if not plan.agreed and plan.resume == "never":
                raise _taken(plan) from None
            found = folder.find_run_dir(plan.id) or found
        except OSError as error:
            raise UsageError(
                f"the store {folder.root} cannot be written to: {error.strerror}",
                hint="name another with store= or NOTABENE_STORE",
            ) from error
    elif plan.resume == "never" and not plan.agreed:
        raise _taken(plan)
    return found, look_back(found)


def _taken(plan: Plan) -> ConflictError:
    return ConflictError(
        f"a run with the id {plan.id} exists already",
        hint="use another id, or resume='allow' to go on with it",
    )


def _introduce(
    run: Run, writer: Writer, plan: Plan, past: Past | None, replaces: tuple[str, ...]
) -> None:
    """The first records of a writer."""
    pid = os.getpid()
    if past is not None:
        writer.ring.last_time = max(writer.ring.last_time, past.last_time)
        if replaces:
            writer.ring.step = past.last_step
    writer.record(
        WriterStarted(
            host=host_name(),
            boot=boot_id(),
            pid=pid,
            pid_start=process_start(pid),
            user=plan.user,
            rank=plan.rank,
            world=plan.world,
            role="worker" if plan.below else "main" if plan.rank == 0 else "rank",
            replaces=replaces,
            version=__version__,
        )
    )
    if past is None or not past.exists:
        writer.record(
            RunCreated(
                project=plan.project,
                name=plan.name,
                group=plan.group,
                parent=plan.parent,
                hypothesis=plan.hypothesis,
                tags=plan.tags,
                user=plan.user,
                source=plan.source,
                number=0 if run.folder is None else next_number(run.folder, plan.project),
            )
        )
        return
    run.project = plan.said.get("project") or past.project or plan.project
    if plan.said:
        writer.record(Renamed(**plan.said))
    if past.config:
        run.config.restore(past.config)
    if replaces:
        run.count_from(past.steps)
        run.summary.restore(past.summary)
    if plan.tags:
        run.set_tags(plan.tags)
    if plan.hypothesis:
        run.hypothesis(plan.hypothesis)


def attach(store: str, run_id: str) -> Run | None:
    """The run of a parent process, in a worker that was spawned: a writer of its own.

    Returns None where the store or the run cannot be found; logging then says so.
    """
    for run in context.active_runs():
        if run.id == run_id:
            return run
    settings = Settings({"store": store or None})
    folder = StoreFolder.open(settings.store)
    run_dir = folder.find_run_dir(run_id)
    if run_dir is None:
        return None
    past = look_back(run_dir)
    guard = Guard(strict=settings["strict"], quiet=settings["quiet"], report=lambda *_: None)
    run = Run(
        id=run_id,
        name=past.name,
        project=past.project,
        writer=None,
        folder=folder,
        path=run_dir,
        guard=guard,
        rank=past.rank,
        user=user_name(),
    )
    run.config.restore(past.config)
    run.attendance = Attendance.of_worker(run, settings)
    run.become_worker()
    lifecycle.install(signals=not names.shares_work())
    context.enter(run)
    return run


def _attach_to_parent() -> Run | None:
    parent = names.parent_elsewhere()
    return attach(parent.store, parent.run) if parent is not None else None


def _reduce(run: Run) -> tuple[Any, ...]:
    return attach, (str(run.folder.root) if run.folder is not None else "", run.id)


# A run that is pickled for a worker becomes a writer of its own there; a worker that was
# spawned without one finds its parent's run by the environment.
copyreg.pickle(Run, _reduce)
context.on_missing(_attach_to_parent)
