"""Build the web interface into the package, unless what is there is of the same sources.

    python tools/webui.py            build it, if need be
    python tools/webui.py --check    say whether it is there, whole and new

``hatch_build.py`` uses the same functions, so that a wheel never ships without its pages.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("package.json", "package-lock.json", "index.html", "vite.config.ts", "tsconfig.json")
FOLDERS = ("src", "public", "build")
STAMP = ".sources"

NO_NODE = (
    "the web interface is not built, and npm is not on the PATH to build it: install Node.js 20 "
    "or newer (https://nodejs.org), or install notabene from a wheel, which holds the built pages"
)


def static_folder(root: Path = ROOT) -> Path:
    """Where the built pages lie."""
    return root / "src" / "notabene" / "server" / "static"


def stamp_of(web: Path) -> str:
    """A digest of everything that the built pages are made from."""
    files = [web / name for name in SOURCES]
    for folder in FOLDERS:
        files += sorted(path for path in (web / folder).rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            data = path.read_bytes()
            digest.update(f"{path.relative_to(web).as_posix()}\0{len(data)}\0".encode())
            digest.update(data)
    return digest.hexdigest()


def missing_in(static: Path) -> list[str]:
    """Files that the built index asks for and that are not there; the index itself first."""
    index = static / "index.html"
    if not index.is_file():
        return ["index.html"]
    text = index.read_text(encoding="utf-8")
    asked = re.findall(r"""(?:src|href)=["'](?!https?:|data:|#)([^"'?]+)""", text)
    names = [name.removeprefix("./").lstrip("/") for name in asked]
    return [name for name in names if re.search(r"\.\w+$", name) and not (static / name).is_file()]


def is_current(root: Path = ROOT) -> bool:
    """Whether what is built is whole and made from the sources as they are."""
    static = static_folder(root)
    stamp = static / STAMP
    web = root / "web"
    if missing_in(static):
        return False
    if not web.is_dir():  # a source archive without them: what it holds is what there is
        return True
    return stamp.is_file() and stamp.read_text(encoding="ascii").strip() == stamp_of(web)


def build(root: Path = ROOT) -> None:
    """Build the pages.

    Raises:
        RuntimeError: There is no npm, it failed, or the index asks for what is not there.
    """
    web, static = root / "web", static_folder(root)
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(NO_NODE)
    install(web, npm)
    _npm(web, npm, "run", "build")
    gone = missing_in(static)
    if gone:
        raise RuntimeError(f"the built web interface lacks {', '.join(gone)}")
    (static / STAMP).write_text(stamp_of(web) + "\n", encoding="ascii")


def install(web: Path, npm: str) -> None:
    """Install what the lock file names, unless that was done."""
    lock, mark = web / "package-lock.json", web / "node_modules" / ".installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not (mark.is_file() and mark.read_text(encoding="ascii") == wanted):
        _npm(web, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        mark.write_text(wanted, encoding="ascii")


def _npm(web: Path, npm: str, *words: str) -> None:
    done = subprocess.run([npm, *words], cwd=web, capture_output=True, text=True)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
        raise RuntimeError(f"npm {' '.join(words)} failed in {web}:\n{said}")


def main() -> None:
    """Build or check, and say what was found."""
    if is_current():
        return
    if "--check" in sys.argv[1:]:
        raise SystemExit("the built web interface is older than its sources: make web")
    print("Building the web interface (once, and again when its sources change) ...", flush=True)
    try:
        build()
    except RuntimeError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
