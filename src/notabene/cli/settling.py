"""``notabene config`` and ``notabene doctor``: how it is set up, and whether that is good."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import click

from notabene._version import __version__
from notabene.artifacts.files import storage_error
from notabene.cli.render import common, counted, print_json, print_table, say, size, store_of
from notabene.errors import NotabeneError, SettingsError, UsageError
from notabene.settings import BY_NAME, Setting, Settings, convert, user_file

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take the setting out of your file.")
@click.option("--completion", type=click.Choice(SHELLS), help="Print a completion script.")
@common
def config(
    name: str | None,
    value: str | None,
    unset: bool,
    completion: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Show settings and where they come from; with NAME VALUE, write one to your file."""
    if completion:
        say(_completion(completion))
        return
    if name is not None and name not in BY_NAME:
        raise SettingsError(
            f"there is no setting {name!r}", hint=f"allowed are {', '.join(BY_NAME)}"
        )
    if unset and (name is None or value is not None):
        raise UsageError(
            "--unset takes the name of one setting", hint="notabene config quiet --unset"
        )
    if name is not None and (value is not None or unset):
        _write(BY_NAME[name], None if unset else value)
    settings = Settings({"store": store_of(store)})
    rows = []
    for setting, found, source in settings.items():
        if name in (None, setting.name):
            shown = "(hidden)" if setting.secret and found else found
            shown = str(settings.store) if setting.name == "store" else shown
            rows.append((setting.name, shown, source, setting.doc))
    if as_json:
        print_json({n: {"value": v, "source": s} for n, v, s, _ in rows})
        return
    shown_rows = [(n, ", ".join(v) if isinstance(v, tuple) else str(v), s) for n, v, s, _ in rows]
    if name is not None:
        say(shown_rows[0][1])
    else:
        print_table(("SETTING", "VALUE", "FROM"), shown_rows)


def _write(setting: Setting, text: str | None) -> None:
    """Change one line of the user's file; other lines stay as they are."""
    import json

    path = user_file()
    assert path is not None
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
    except OSError as error:
        raise storage_error(error, f"read {path}") from None
    lines = [line for line in lines if line.partition("=")[0].strip() != setting.name]
    if text is not None:
        value = convert(setting, text, "the command line")
        # JSON's texts, numbers, booleans and lists of texts are TOML's as well.
        lines.insert(0, f"{setting.name} = {json.dumps(value)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        if setting.secret:
            path.chmod(0o600)
        path.write_text("\n".join(lines) + ("\n" if lines else ""), "utf-8")
    except OSError as error:
        raise storage_error(error, f"write {path}") from None


def _completion(shell: str) -> str:
    from click.shell_completion import get_completion_class

    from notabene.cli.main import cli

    maker = get_completion_class(shell)
    assert maker is not None
    return maker(cli, {}, "notabene", "_NOTABENE_COMPLETE").source()


@click.command()
@common
def doctor(store: str | None, as_json: bool) -> int:
    """Look over the set-up and say what is not as it should be."""
    checks = [*_versions(), *_store(store), *_extras()]
    if as_json:
        print_json([{"check": c, "state": s, "detail": d} for c, s, d in checks])
    else:
        colour = {"good": "green", "note": "yellow", "bad": "red"}
        print_table(("", "", ""), checks, styles={1: lambda cell: colour.get(cell, "")})
    return 1 if any(state == "bad" for _, state, _ in checks) else 0


Check = tuple[str, str, str]


def _versions() -> list[Check]:
    return [
        ("notabene", "good", __version__),
        ("python", "good", f"{platform.python_version()} at {sys.executable}"),
        ("system", "good", platform.platform()),
    ]


def _store(store: str | None) -> list[Check]:
    from notabene.api import Api
    from notabene.journal.mounts import can_reserve, file_system, is_container_layer, is_local

    try:
        settings = Settings({"store": store_of(store)})
    except NotabeneError as error:
        return [("settings", "bad", str(error))]
    root = settings.store
    checks: list[Check] = []
    if not root.exists():
        return [("store", "note", f"{root} is not there yet; the first run makes it")]
    kind = file_system(root) or "unknown"
    if is_local(root):
        how = (
            "mapped" if can_reserve(root) else "written per call: this file system copies on write"
        )
        checks.append(("ring", "good", f"beside the journal on {kind}, {how}"))
    else:
        checks.append(("ring", "note", f"{kind} is a network file system; rings go to $TMPDIR"))
    if is_container_layer(root):
        checks.append(("place", "note", "a container's own layer: the runs go with the container"))
    if not os.access(root, os.W_OK):
        checks.append(("access", "note", f"{root} may be read, and not be written to"))
    free = _free(root)
    checks.append(("disk", "bad" if free < 100 << 20 else "good", f"{size(free)} free"))
    try:
        with Api(str(root)) as api:
            runs = api.runs(archived=True).total
            checks.insert(0, ("store", "good", f"{root}, {counted(runs, 'run')}"))
            checks.append(("index", "good", str(api.index_path or "in memory")))
    except NotabeneError as error:
        checks.insert(0, ("store", "bad", str(error)))
    return checks


def _free(path: Path) -> int:
    import shutil

    return shutil.disk_usage(path).free


def _extras() -> list[Check]:
    from importlib.util import find_spec

    wanted: tuple[tuple[str, str, str], ...] = (
        ("pandas", "pandas", "runs and histories as data frames"),
        ("polars", "polars", "the same for polars"),
        ("pyarrow", "arrow", "Arrow tables and export --parquet"),
        ("pynvml", "gpu", "NVIDIA metrics"),
        ("sklearn", "demo", "notabene demo"),
    )
    found: list[Check] = []
    for module, extra, use in wanted:
        if _there(find_spec, module):
            found.append((module, "good", use))
        else:
            found.append(
                (module, "note", f"not installed: {use} (pip install 'notabene[{extra}]')")
            )
    return found


def _there(find: Any, module: str) -> bool:
    try:
        return find(module) is not None
    except (ImportError, ValueError):
        return False
