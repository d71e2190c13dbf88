"""Begins the watch of a program that ``notabene run`` started.

The folder of this file stands first on PYTHONPATH there, so that the interpreter imports this
module at start-up; the ``sitecustomize`` that it stands before is imported after it.
"""

from __future__ import annotations

import os
import sys


def _begin() -> None:
    folder, mark, given = os.environ.get("NOTABENE_WATCH", "").partition(os.pathsep)
    if not folder:
        return
    # The program itself finds no mark; those it starts do.
    os.environ["NOTABENE_WATCH"] = folder + os.pathsep + "child"
    here = os.path.dirname(os.path.abspath(__file__))
    package = os.path.dirname(here)
    # Of these importlib.util is made, whose import takes as long as all the rest.
    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import spec_from_file_location

    name = "notabene.capture.watch"
    spec = spec_from_file_location(
        name, os.path.join(package, "__init__.py"), submodule_search_locations=[package]
    )
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    # Only this package: the program's environment may have no notabene, or another.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    words = [*getattr(sys, "argv", ()), *getattr(sys, "orig_argv", ())]
    spawned = "--multiprocessing-fork" in words
    program = os.path.basename(words[0]) if words else ""
    key = "" if spawned or not mark else f"c:{program or 'python'}"
    key = given if given.startswith("loky:") else key
    watch = module.start("spawn" if spawned else "boot", key)
    watch.spill(folder)
    watch.flush()


def _chain() -> None:
    """Import the ``sitecustomize`` that was there before, as if this one were not."""
    here = os.path.dirname(os.path.abspath(__file__))
    mine = sys.modules.pop("sitecustomize", None)
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or os.curdir) != here]
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  # the other
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        if mine is not None:
            sys.modules["sitecustomize"] = mine
    finally:
        # The folder has done its work; the program's own path is what it would have been.
        sys.path[:] = [path for path in sys.path if os.path.abspath(path or os.curdir) != here]


try:
    _begin()
except Exception:  # the program runs in any case
    pass
_chain()
