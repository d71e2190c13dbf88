"""Compile the library that ``notabene run`` puts into programs, for a wheel.

    python tools/shim.py FOLDER      make it there, and print the platform that it is for

``hatch_build.py`` uses the same function. Where there is no compiler, or no Linux, wheels hold no
library, and are for every platform, as they are with NOTABENE_PURE=1; there, it is compiled when
it is first used.
"""

from __future__ import annotations

import ast
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PORTABLE = ("-DSHIM_PORTABLE", "-Wl,--no-as-needed", "-l:libdl.so.2")
"""So that it loads where the C library is older than here."""


def source(root: Path = ROOT) -> Path:
    """The folder of the source."""
    return root / "src" / "notabene" / "capture" / "shim"


def flags(root: Path = ROOT) -> list[str]:
    """Those that the package itself compiles with; it cannot be imported while it is built."""
    tree = ast.parse((source(root) / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLAGS":
            return list(ast.literal_eval(node.value))
    raise AssertionError("no FLAGS in capture/shim/__init__.py")


def compile_for_wheel(folder: Path, root: Path = ROOT) -> tuple[Path, str] | None:
    """The library and the tag of the platforms it is for, or None where it cannot be made."""
    libc, version = platform.libc_ver()
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if os.environ.get("NOTABENE_PURE", "0") != "0":
        return None
    if not sys.platform.startswith("linux") or libc != "glibc" or compiler is None:
        return None
    target = folder / "shim.so"
    for more in (PORTABLE, ("-ldl",)):
        command = [compiler, *flags(root), "-o", str(target), str(source(root) / "shim.c"), *more]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode == 0:
            return target, f"manylinux_{_needed(target, version)}_{platform.machine()}"
    return None


def _needed(library: Path, here: str) -> str:
    """The oldest glibc that has every version named in a library, and never older than 2.17."""
    asked = re.findall(rb"GLIBC_2\.(\d+)", library.read_bytes())
    newest = max(map(int, asked), default=int(here.split(".")[1]))
    return f"2_{max(newest, 17)}"


def main() -> None:
    """Make it, or say that it cannot be made."""
    made = compile_for_wheel(Path(sys.argv[1]))
    if made is None:
        raise SystemExit("no library: it takes Linux with glibc, and a C compiler")
    print(made[1])


if __name__ == "__main__":
    main()
