"""Settings: one table, five sources.

Argument, then environment (``NOTABENE_...``), then the project's ``notabene.toml`` (found by
walking up from the working folder), then the user's ``~/.config/notabene/config.toml``, then
the default. This is the only module that reads the environment on behalf of others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from notabene.errors import SettingsError

STORE_NAME = ".notabene"
PROJECT_FILE = "notabene.toml"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})

Mode = Literal["online", "offline", "disabled"]


class Setting(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    kind: Literal["text", "path", "flag", "list", "choice", "seconds", "mebibytes"]
    default: Any
    doc: str
    choices: tuple[str, ...] = ()
    secret: bool = False

    @property
    def variable(self) -> str:
        """Name of its environment variable."""
        return f"NOTABENE_{self.name.upper()}"


TABLE: tuple[Setting, ...] = (
    Setting("store", "path", "", "Folder of the store. Default: the nearest `.notabene` at or "
            "above the working folder, else `~/.notabene`."),
    Setting("project", "text", "", "Project of new runs. Default: the name of the folder of the "
            "script's repository, else of the script's folder."),
    Setting("run_id", "text", "", "Id of the program's first run (of later ones: `<id>-2` ...); an "
            "existing run of this id is continued."),
    Setting("name", "text", "", "Name of new runs. Default: two words and a number."),
    Setting("tags", "list", (), "Tags of new runs: `baseline,team=vision`."),
    Setting("group", "text", "", "Group of new runs."),
    Setting("mode", "choice", "online", "`online`, `offline` (never contact a server) or "
            "`disabled` (record nothing).", ("online", "offline", "disabled")),
    Setting("quiet", "flag", False, "Print nothing at start and end."),
    Setting("strict", "flag", False, "Raise where logging would warn and go on."),
    Setting("artifacts", "path", "", "Folder for artifact content. Default: in the store."),
    Setting("url", "text", "", "Address of a notabene server."),
    Setting("token", "text", "", "Token for that server; for `ui` and `serve`, what programs must "
            "send.", secret=True),
    Setting("observe", "flag", True, "Note what the program reads, draws and asks for, from "
            "`import notabene` on; off: the record says that it was not seen."),
    Setting("tensorboard", "flag", True, "Under `notabene run`: what the program writes for "
            "TensorBoard arrives in the run."),
    Setting("on_repeat", "choice", "warn", "When the same was done before: `warn` in one line, "
            "`ask` at a terminal, `stop` and do not begin, `reuse` the earlier results (with "
            "`notabene run`), `ignore`.", ("warn", "ask", "reuse", "stop", "ignore")),
    Setting("console", "flag", True, "Keep what the run prints."),
    Setting("console_limit", "mebibytes", 64, "Kept console per process; the middle of longer "
            "ones is dropped and counted."),
    Setting("system_every", "seconds", 10.0, "Seconds between system metrics; 0 switches them "
            "off."),
    Setting("sync", "choice", "auto", "`auto` brings data to the disk each 5 s (safe against "
            "power loss), `never` leaves that to the system.", ("auto", "never")),
    Setting("seal", "seconds", 0.2, "Time that a command may take to compact the journals of runs "
            "that have ended; 0 leaves them as they are, at the end of a run as well."),
    Setting("cache", "path", "", "Folder for what can be made anew (index, hashes). Default: "
            "`$XDG_CACHE_HOME/notabene` or `~/.cache/notabene`."),
)  # fmt: skip

BY_NAME = {setting.name: setting for setting in TABLE}


class Settings:
    """The values that hold here and now; each with the source it came from.

    Args:
        overrides: Values given as arguments; None means not given.
        cwd: Folder to look from; default is the working folder.

    Raises:
        SettingsError: A file does not parse, or a value is not allowed.
    """

    def __init__(
        self, overrides: Mapping[str, Any] | None = None, *, cwd: Path | None = None
    ) -> None:
        self.cwd = cwd or _cwd()
        self.sources: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        files = [(path, _read(path)) for path in (_project_file(self.cwd), user_file()) if path]
        for setting in TABLE:
            value, source = self._find(setting, overrides or {}, files)
            self._values[setting.name] = value
            self.sources[setting.name] = source

    def _find(
        self,
        setting: Setting,
        overrides: Mapping[str, Any],
        files: list[tuple[Path, dict[str, Any]]],
    ) -> tuple[Any, str]:
        given = overrides.get(setting.name)
        if given is not None:
            return convert(setting, given, "the argument"), "argument"
        text = os.environ.get(setting.variable)
        if text is not None and (text or setting.kind == "flag"):
            return convert(setting, text, setting.variable), setting.variable
        for path, table in files:
            if setting.name in table:
                return convert(setting, table[setting.name], str(path)), str(path)
        return setting.default, "default"

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def items(self) -> list[tuple[Setting, Any, str]]:
        """``(setting, value, source)`` of every row."""
        return [(s, self._values[s.name], self.sources[s.name]) for s in TABLE]

    @property
    def store(self) -> Path:
        """Folder of the store; see the table for how it is found."""
        given = self._values["store"]
        if given:
            return _absolute(given, self.cwd)
        for folder in (self.cwd, *self.cwd.parents):
            if (folder / STORE_NAME / "format").is_file():
                return folder / STORE_NAME
        return home() / STORE_NAME

    @property
    def artifacts(self) -> Path | None:
        """Folder for artifact content where it is not in the store."""
        given = self._values["artifacts"]
        return _absolute(given, self.cwd) if given else None

    @property
    def cache(self) -> Path:
        """Folder for what can be made anew."""
        given = self._values["cache"]
        return _absolute(given, self.cwd) if given else cache_folder()


def convert(setting: Setting, value: Any, source: str) -> Any:
    """A value as the table wants it.

    Raises:
        SettingsError: It is not allowed there.
    """
    if setting.kind == "flag":
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise _refused(source, value, f"{setting.name} is true or false")
    if setting.kind in ("seconds", "mebibytes"):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = -1.0
        if not 0 <= number < 1e9:
            what = f"{setting.name} is a number of {setting.kind}, 0 or more"
            raise _refused(source, value, what)
        return number if setting.kind == "seconds" else int(number)
    if setting.kind == "list":
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(str(p).strip() for p in parts if str(p).strip())
    if setting.kind == "path":
        try:
            path = os.fsencode(value)
        except (TypeError, UnicodeEncodeError):
            path = b"\0"
        if b"\0" in path:
            raise _refused(source, value, f"{setting.name} is the path of a folder")
        return os.fsdecode(path)
    if setting.kind == "choice" and value not in setting.choices:
        allowed = ", ".join(setting.choices)
        raise _refused(source, value, f"{setting.name} is one of {allowed}")
    return str(value)


def _refused(source: str, value: object, allowed: str) -> SettingsError:
    given = repr(value)
    given = given if len(given) <= 80 else f"{given[:77]}..."
    return SettingsError(f"{source} says {given}; {allowed}")


def environment() -> Mapping[str, str]:
    """The process environment, for those who record or pass it on."""
    return os.environ


def export(name: str, value: str) -> None:
    """Set a variable for programs that this process starts."""
    os.environ[name] = value


def user_file() -> Path | None:
    """The user's configuration file, whether it exists or not."""
    base = os.environ.get("XDG_CONFIG_HOME")
    folder = Path(base) if base else home() / ".config"
    return folder / "notabene" / "config.toml"


def cache_folder() -> Path:
    """Where caches lie by default."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else home() / ".cache") / "notabene"


def home() -> Path:
    """The home folder; where the account has none, a folder of its own in the temporary one."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(temporary()) / f"notabene-{os.getuid() if hasattr(os, 'getuid') else 0}"


def temporary() -> str:
    """``$TMPDIR`` or ``/tmp``."""
    return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108  (only a base; folders are made 0700)


def _cwd() -> Path:
    try:
        return Path.cwd()
    except OSError:  # the working folder was deleted
        return Path("/")


def _absolute(text: str, cwd: Path) -> Path:
    path = Path(text)
    if text.startswith("~"):
        try:
            path = path.expanduser()
        except RuntimeError:
            raise SettingsError(f"the folder {text!r} is in the home of a user whom this machine "
                                "does not know", hint="name it from / on") from None  # fmt: skip
    return path if path.is_absolute() else cwd / path


def _project_file(cwd: Path) -> Path | None:
    for folder in (cwd, *cwd.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        data = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error}") from error
    import tomllib

    try:
        table = tomllib.loads(data)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"the settings file {path} is no TOML: {error}") from error
    unknown = sorted(set(table) - set(BY_NAME))
    if unknown:
        raise SettingsError(
            f"the settings file {path} has the unknown name {unknown[0]!r}",
            hint=f"allowed are {', '.join(BY_NAME)}",
        )
    return table
