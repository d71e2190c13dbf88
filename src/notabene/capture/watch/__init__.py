"""What a program does that its results may hang on, seen from inside its process.

The files it reads, writes, lists and looks for, the variables and the clock it reads, the options
it parses, the random numbers it draws, the programs and hosts it talks to. An observation is an
*event*: a tuple of plain values, the first of which is its kind. ``file`` and ``line`` are the
place in the user's own code, empty and 0 where there is none; ``ms`` are milliseconds since the
watch began; relative paths are relative to the folder that the last ``folder`` event named.

    ("process", key, pid, how, python)         a process begins: "main", "fork", "spawn", "boot"
    ("name", key)                              a spawned worker's key, known only later
    ("folder", path)                           the working folder, first and after each change
    ("read", [path, ...], file, line, ms)      opened for reading; "" as path never occurs; of the
                                               last event in memory there may come more
    ("write", path, file, line, ms)            opened for writing
    ("missing", path, file, line, ms)          looked for, and not there
    ("list", path, file, line, ms)             a folder was listed, or a pattern expanded
    ("move", from, to, ms)                     renamed
    ("source", path)                           Python code was loaded from it
    ("variable", name, value, file, line)      an environment variable; value None: not set
    ("walk", pattern, file, line)              a line goes through all of them, and asks for
                                               those that the code around it names:
                                               "train_*|batch"
    ("walked", name, value, file, line)        one of them
    ("option", source, name, value, default, file, line)
    ("settings", source, values, file, line)   a whole tree of settings (hydra, OmegaConf)
    ("start", generator, state)                a generator's state before anybody used it
    ("seed", generator, value, file, line)     seeded on purpose
    ("draw", by, bits, value, file, line, importing)
                                               entropy of the operating system; value may be None;
                                               importing (not always there): while it was
                                               imported, a library drew for itself
    ("used", generator)                        its state had moved when the process ended
    ("used", generator, file, line)            it was drawn from there
    ("clock", function, value, file, line)     the first time read at a place
    ("processors", file, line)                 the program asked how many there are
    ("program", words, file, line)             another program was started
    ("host", name, port, file, line)           a connection was made; those that libraries make
                                               to this machine itself are left out
    ("fetched", url, status, bytes, sha256, file, line)
                                               an answer of HTTP, once it was read or closed;
                                               secrets in the address are hidden
    ("stdin", bytes, sha256, path, name, file, line)
                                               read from the standard input, unless it was typed:
                                               path of the file it is, or empty; the file of this
                                               name, beside the events, holds it, where it is short
    ("ready", path, file, line, ms)            a native reader was given this path
    ("given", path, file, line, ms, mtime)     a file that was named to a program that is started,
                                               with the time of its last change, ns
    ("kept", path, name)                       the file of this name, beside the events, holds
                                               what was in path before it was written over
    ("lost", count)                            events that came when there were too many

Nothing is printed, nothing is raised into the program, and no result changes. This package uses
the standard library alone and knows nothing of the rest of notabene, so that it can be loaded
into the interpreter of a program whose environment has no notabene.
"""

from __future__ import annotations

from notabene.capture.watch.begin import start
from notabene.capture.watch.core import WATCH, Watch, current

__all__ = ["WATCH", "Watch", "current", "start"]
