"""Default names, and the thread from a run to the programs it starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from notabene._ids import ALPHABET
from notabene.capture.watch import current
from notabene.model.refs import check_name
from notabene.settings import Settings, environment, export
from notabene.tracking import context

if TYPE_CHECKING:
    from notabene.tracking.run import Run

PARENT = "_NOTABENE_PARENT"
"""Environment variable that tells a child process its run:
``<join|child>:<process id>:<run id>:<store>``."""

TOLD = "_NOTABENE_TOLD"
"""Environment variable that tells a joining program what ``notabene run`` was given: words of
``name``, ``group`` and ``project``."""

# fmt: off
_FIRST = (
    "amber ample aquatic ardent bold brave breezy bright brisk calm candid cheerful civic clear "
    "clever coastal cosmic crisp curious daring deft eager early earnest easy elegant even "
    "fabled fair famous fleet fluent fond frank fresh gentle glad golden grand green hardy "
    "hazel honest humble ideal jolly keen kind level light lively loyal lucid lunar mellow "
    "merry mild modest neat nimble noble novel open patient placid plain polar prime proud "
    "quick quiet rapid rare ready robust rosy rural serene sharp silent silver simple sincere "
    "sleek smooth sober solar solid steady still subtle sunny swift tidy tranquil true vivid "
    "warm wise witty young "
).split()
_SECOND = (
    "acorn alder anchor arbor aspen atlas badger basin bay beacon birch bison bough branch "
    "breeze brook canyon cedar cliff cloud comet coral crane creek crest dawn delta drift dune "
    "eagle echo elm ember falcon fern field finch fjord flint forest fox garnet glade glen "
    "grove gull harbor hawk heath heron hill hollow iris island jay juniper lake lantern larch "
    "lark laurel ledge lily linden lynx maple marsh meadow mesa moor moss oak orbit orchid "
    "osprey otter owl peak pebble pine plain plover pond poplar prairie quartz raven reef ridge "
    "river robin rowan sage shore sparrow spruce star stone stork stream summit swan thicket "
    "thrush tide valley walnut willow wren "
).split()
# fmt: on


class Surrounding(msgspec.Struct, frozen=True):
    """The run of the program that started this one: its id, or empty, and whether to join it."""

    run: str = ""
    join: bool = False


def run_name(run_id: str) -> str:
    """A name of two words and a number, always the same for an id."""
    number = 0
    for c in run_id[-8:].lower():
        number = number * 32 + max(0, ALPHABET.find(c))
    number, first = divmod(number, len(_FIRST))
    number, second = divmod(number, len(_SECOND))
    return f"{_FIRST[first]}-{_SECOND[second]}-{number % 100}"


@lru_cache(maxsize=8)
def _project_of(folder: str) -> str:
    path = Path(folder)
    for parent in (path, *path.parents):
        if (parent / ".git").exists():
            return parent.name or "default"
    return path.name or "default"


def default_project(program: Sequence[str] = ()) -> str:
    """Name of the repository's folder, else of the script's, else of the working folder.

    The folder of an installed command says nothing, so for that the working folder counts.

    Args:
        program: The command of ``notabene run``, where it is another process's script that counts.
    """
    if program:
        from notabene.capture.process import script_of

        script = script_of(program)
    else:
        script = getattr(sys.modules.get("__main__"), "__file__", None)
    try:
        where = Path(script).resolve().parent if script else Path.cwd()
        if where == Path(sys.executable).parent.resolve():  # where commands are installed
            where = Path.cwd()
    except OSError:
        return "default"
    return _project_of(str(where))


_inits = 0


def next_init() -> int:
    """The number of this ``init`` in the process, from 1: ranks agree on the n-th."""
    global _inits
    _inits += 1
    return _inits


def id_of_nth(given: str, nth: int, around: str) -> str:
    """The id of a program's n-th run, where ``NOTABENE_RUN_ID`` names the first: ``x``, ``x-2``.

    Args:
        given: What the variable says.
        nth: Which run of its program it is, from 1.
        around: The run around this program. Empty is returned where that is of this id: the
            variable was meant for the program that began it.
    """
    base, _, number = around.rpartition("-")
    if around == given or (base == given and number.isdigit()):
        return ""
    return given if nth == 1 else f"{given}-{nth}"


def place_in_program() -> int:
    """Which run of its program the newest one is, from 1.

    0 in processes that share out work: there it hangs on chance.
    """
    watch = current()
    return 0 if shares_work() or (watch is not None and watch.how == "fork") else _inits


def shares_work() -> bool:
    """Whether multiprocessing began this process."""
    processes = sys.modules.get("multiprocessing.process")
    if processes is None:
        return False
    # A worker that is spawned imports the script anew before it is told of its parent.
    begins = getattr(processes.current_process(), "_inheriting", False)
    return bool(begins) or processes.parent_process() is not None


def tell_children(run: Run) -> None:
    """Let programs started from here know the run, until it is finished."""
    store = str(run.folder.root) if run.folder is not None else ""
    _told[run.id] = environment().get(PARENT, "")
    export(PARENT, f"child:{os.getpid()}:{run.id}:{store}")


def untell_children(run_id: str) -> None:
    """The run is finished: programs started from here belong to the one around it again."""
    before = _told.pop(run_id, None)
    if before is not None and _parent()[2] == run_id:
        export(PARENT, before)


def join_variables(run_id: str, store: str, told: Iterable[str] = ()) -> dict[str, str]:
    """Environment for a program whose first ``init`` shall join a run (``notabene run``).

    Args:
        run_id: The run.
        store: Folder of its store.
        told: Which of ``name``, ``group`` and ``project`` stand, whatever the program says.
    """
    return {PARENT: f"join:{os.getpid()}:{run_id}:{store}", TOLD: " ".join(told)}


def said_of_run(settings: Settings, joined: bool) -> dict[str, str]:
    """Name, group and project that a call of ``init`` gives to a run which is there already.

    What ``notabene run`` was told goes before. Ids are those of a whole store, so going on with
    a run moves it to no other project.
    """
    told = environment().get(TOLD, "").split() if joined else ["project"]
    return {
        what: check_name(settings[what], what)
        for what in ("name", "group", "project")
        if settings.sources[what] == "argument" and settings[what] and what not in told
    }


def _parent() -> tuple[str, str, str, str]:
    """How, by which process, which run, in which store; empty texts where nothing is said."""
    how, pid, run_id, store = (environment().get(PARENT, "").split(":", 3) + [""] * 4)[:4]
    return how, pid, run_id, store


def surrounding_run(store: Path) -> Surrounding:
    """The run of the program that started this one, if it is in the same store."""
    how, pid, run_id, where = _parent()
    if not run_id or pid == str(os.getpid()) or (where and Path(where) != store):
        return Surrounding()
    return Surrounding(run_id, how == "join" and _inits == 0)


def store_of_rerun() -> str | None:
    """The store of the run that this program is run again for, whatever store it names."""
    how, _, _, where = _parent()
    return where if how == "join" and where and environment().get("NOTABENE_REPLAY") else None


class Elsewhere(msgspec.Struct, frozen=True):
    """The run of another process, and its store."""

    run: str
    store: str


def parent_elsewhere() -> Elsewhere | None:
    """The run that the process which started this one told it of, or None."""
    _, pid, run_id, store = _parent()
    return Elsewhere(run_id, store) if run_id and pid != str(os.getpid()) else None


_told: dict[str, str] = {}


def in_notebook() -> bool:
    """Whether this is an IPython kernel, where cells are run again."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def finish_earlier_in_notebook() -> None:
    """In a notebook a second ``init`` finishes the run before it; in a script it nests."""
    if in_notebook():
        for run in reversed(context.active_runs()):
            run.finish()
