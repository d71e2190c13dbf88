"""What a run's results hang on, as far as it was seen: the parts of its record beside the code.

These are the ``data`` of :class:`~notabene.model.records.Captured` records with the part names
``data``, ``randomness``, ``parameters`` and ``outside``, and what ``notabene show RUN --record
--json`` prints under those names. Paths inside the project are relative to its top folder; others
are absolute. A place is ``file:line``, with the file named likewise; empty where it is not known.
A process is empty for the program itself, ``f1`` for its first forked child, ``mp:1`` for the
first worker of multiprocessing: the same names when it is run again.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Via = Literal["open", "native", "shim", "program"]


class Part(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Base of the parts and of what they are made of."""


class FileRead(Part):
    """A file whose content went in, before the run itself had written it.

    Attributes:
        path: Where it lay.
        where: The first line that opened it.
        process: Which process did.
        via: How it was seen: Python's ``open``, a wrapped ``native`` reader, the preload ``shim``;
            ``program``: it was named to another program, and not changed after.
        ms: Milliseconds from the start of the program to the first opening.
        size: Bytes.
        mtime: Time of the last change, µs.
        digest: SHA-256 of the content, hex; empty where ``note`` says why.
        kept: Whether the content lies in the blob store under its digest.
        note: Why there is no digest, or what is doubtful about it.
        link: Identity that a data system gives it: ``{"kind": "dvc", "id": "…"}``.
        overwritten: The run wrote to the file later.
        executable: It may be run.
        given: ``relative`` where the program named it relative to its working folder.
    """

    path: str
    given: Literal["", "relative"] = ""
    where: str = ""
    process: str = ""
    via: Via = "open"
    ms: int = 0
    size: int = 0
    mtime: int = 0
    digest: str = ""
    kept: bool = False
    note: str = ""
    link: dict[str, str] = {}
    overwritten: bool = False
    executable: bool = False


class FileWritten(Part):
    """A file the run wrote; the digest is that of the content it left, kept if ``kept``."""

    path: str
    where: str = ""
    process: str = ""
    size: int = 0
    digest: str = ""
    kept: bool = False
    note: str = ""


class FileMissing(Part):
    """A file the run looked for, which was not there; ``made``: the run wrote it later."""

    path: str
    given: Literal["", "relative"] = ""
    where: str = ""
    made: bool = False


class Listing(Part):
    """Names that a folder or pattern gave: how many, and a digest of them in order of name.

    Attributes:
        kept: Digest of the blob that holds them as :class:`Entry`, where they are not very many.
    """

    path: str
    given: Literal["", "relative"] = ""
    where: str = ""
    entries: int = 0
    digest: str = ""
    kept: str = ""


class Entry(Part):
    """One name in a listing, relative to the folder, or to the part of a pattern without ``*``.

    Attributes:
        size: Bytes.
        mtime: Time of the last change, µs.
        folder: It is one.
    """

    name: str
    size: int = 0
    mtime: int = 0
    folder: bool = False


class Data(Part):
    """Part ``data``.

    Attributes:
        root: Top folder of the project: what relative paths are relative to.
        folder: Working folder at the start.
        read, written, missing, listed: See there.
        sets: Folders of which more than a thousand files were read, in one line each, and the
            largest of the others where more than 5,000 files are left:
            ``{"path", "files", "size", "digest"}``.
        files_kept: Digest of the blob that holds those files, one by one.
        native: What saw files that C code opens: ``shim``, ``wrappers`` or ``none``.
        unseen: Libraries that read files past all of it.
        lost: Observations beyond what is kept.
        pending: Files that are being read for their digests after the end of the run.
    """

    root: str = ""
    folder: str = ""
    read: list[FileRead] = []
    written: list[FileWritten] = []
    missing: list[FileMissing] = []
    listed: list[Listing] = []
    sets: list[dict[str, Any]] = []
    files_kept: str = ""
    native: Literal["shim", "wrappers", "none"] = "none"
    unseen: list[str] = []
    lost: int = 0
    pending: int = 0
    notes: list[str] = []


class Generator(Part):
    """A generator that the program found in a state: ``random``, ``numpy``, ``torch``, ``polars``.

    Attributes:
        name: Which.
        process: Whose.
        state: The state it started with, as :mod:`notabene.capture.watch.states` packs it; empty
            where it cannot be asked for.
        used: Numbers were drawn from it, though nobody had seeded it.
        where: Where that was first, if it was seen.
    """

    name: str
    process: str = ""
    state: str = ""
    used: bool = False
    where: str = ""


class Seed(Part):
    """A generator was seeded with a value."""

    generator: str
    value: Any = None
    where: str = ""
    process: str = ""


class Draw(Part):
    """Entropy of the operating system was drawn.

    Attributes:
        by: ``numpy.random``, ``random`` or ``numba`` for a generator that got no seed; ``os``,
            ``secrets`` or ``uuid`` where the program drew bytes itself, which are never kept.
        bits: How much.
        value: A decimal number; empty where it is not kept.
        importing: A library made a generator for itself while it was imported.
    """

    by: str
    bits: int = 0
    value: str = ""
    where: str = ""
    process: str = ""
    importing: bool = False


class Clock(Part):
    """The clock was read at a place in the user's code; the first value."""

    function: str
    value: float = 0.0
    where: str = ""


class Randomness(Part):
    """Part ``randomness``.

    Attributes:
        hash: What the order of sets hangs on: a number (PYTHONHASHSEED), ``secret:…`` or
            ``random``.
        hash_drawn: ``notabene run`` drew the number; the next run would have another.
        generators, seeds, draws, clock: See there, in the order they were seen.
    """

    hash: str = ""
    hash_drawn: bool = False
    generators: list[Generator] = []
    seeds: list[Seed] = []
    draws: list[Draw] = []
    clock: list[Clock] = []


class Option(Part):
    """A value that a parser of options gave the program."""

    source: str
    name: str
    value: Any = None
    default: Any = None
    where: str = ""


class Variable(Part):
    """A variable of the environment that the user's own code asked for; None: it was not set."""

    name: str
    value: str | None = None
    where: str = ""


class Walk(Part):
    """A line that went through all variables of the environment.

    Attributes:
        pattern: Which of them the code around it names, in lower case: ``train_*|batch``.
        names: Those that were there; they stand among the variables.
    """

    pattern: str
    names: list[str] = []
    where: str = ""


class Settings(Part):
    """A tree of settings: a config file that was read, or what hydra composed."""

    source: str
    values: Any = None
    where: str = ""


class Parameters(Part):
    """Part ``parameters``; what was logged of them stands in the run's config.

    Attributes:
        words: The command line behind the script.
        arguments: The same by name; ``<path>`` where a value is the path of something.
        places: The absolute paths of those, by name.
        options, variables, walks, settings: See there.
    """

    words: list[str] = []
    arguments: dict[str, str] = {}
    places: dict[str, str] = {}
    options: list[Option] = []
    variables: list[Variable] = []
    walks: list[Walk] = []
    settings: list[Settings] = []


class Program(Part):
    """Another program that was started.

    Attributes:
        words: Its command line.
        path: Where it was found.
        digest: SHA-256 of the file, hex.
    """

    words: list[str]
    where: str = ""
    path: str = ""
    digest: str = ""


class Host(Part):
    """A connection to another machine."""

    name: str
    port: str = ""
    where: str = ""


class Reply(Part):
    """What a host sent: the body of one answer of HTTP, as far as it was read.

    Attributes:
        address: Without the secrets in it.
        status: The code of the answer.
        size: Bytes.
        digest: SHA-256, hex.
        where: The line that asked.
    """

    address: str
    status: int = 0
    size: int = 0
    digest: str = ""
    where: str = ""
    process: str = ""


class StandardInput(Part):
    """What the program read from its standard input, which nobody typed.

    Attributes:
        size: Bytes.
        digest: SHA-256, hex.
        path: The file that it is (``< data.csv``), which stands among those that were read.
        where: The line that first read from it.
        kept: Whether the content lies in the blob store under its digest.
        note: Why it does not.
    """

    size: int = 0
    digest: str = ""
    path: str = ""
    where: str = ""
    kept: bool = False
    note: str = ""


class Outside(Part):
    """Part ``outside``: what the program reached beyond its files.

    Attributes:
        programs, hosts, replies: See there.
        stdin: See there; None: it read nothing, or what somebody typed.
        processors: Places that asked for the number of processors.
        processes: Processes that were watched, by name, with their Python.
    """

    programs: list[Program] = []
    hosts: list[Host] = []
    replies: list[Reply] = []
    stdin: StandardInput | None = None
    processors: list[str] = []
    processes: list[dict[str, Any]] = []


class Source(Part):
    """A Python file that the run loaded, or its script.

    Attributes:
        path: Relative to the project's top folder where it lies inside, else absolute.
        digest: SHA-256 of its content; the content lies in the blob store.
        size: Bytes.
        script: It is the program itself.
        cell: It is a cell of a notebook, with its number of execution in the name.
        tracked: Whether git holds it; None where there is no repository.
        outside: It lies outside the project, and belongs to no installed package.
        without_source: Byte code whose source is not there.
        note: Why the content is not kept.
    """

    path: str
    digest: str = ""
    size: int = 0
    script: bool = False
    cell: bool = False
    tracked: bool | None = None
    outside: bool = False
    without_source: bool = False
    note: str = ""


class Sources(Part):
    """Part ``sources``: all Python code that the run loaded, but for installed packages.

    Attributes:
        root: Top folder of the project.
        files: The script first, then by path.
        notes: What is left out, and why.
    """

    root: str = ""
    files: list[Source] = []
    notes: list[str] = []
