"""Take the README's pictures anew: the demo's runs, the real pages, a real browser, both themes.

    python tools/pictures.py         (make pictures)

Needs what the demo needs, the built web interface, and Chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from notabene import Api

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
PORT = 7798


def main() -> None:
    """Train, serve, take pictures."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        store = Path(folder) / "store"
        env = {**os.environ, "NOTABENE_STORE": str(store), "CI": "true"}
        notabene = [sys.executable, "-m", "notabene"]
        subprocess.run([*notabene, "demo", "--no-serve"], env=env, check=True)
        pages = addresses(store)
        words = [*notabene, "serve", "--port", str(PORT), "--no-token", "--no-open"]
        server = subprocess.Popen(words, env=env)
        try:
            wait()
            take(pages)
        finally:
            server.terminate()
            server.wait()


def addresses(store: Path) -> dict[str, str]:
    """Pages by the name of their picture."""
    with Api(store) as api:
        networks = "params.model = 'network' and status = 'finished'"
        best = api.runs(networks, project="demo", order_by='-metrics."val/accuracy".max')
        broken = api.runs("status = 'failed'", project="demo")[0]
        few = ",".join(run.id for run in best[:4])
        return {
            "runs": "/p/demo/runs",
            "charts": "/p/demo/charts",
            "run": f"/r/{best[0].id}",
            "failed": f"/r/{broken.id}",
            "compare": f"/p/demo/compare?runs={few}&ref={best[0].id}",
            "diary": "/p/demo/diary",
        }


def wait() -> None:
    """Until the server answers.

    Raises:
        SystemExit: It does not, for half a minute.
    """
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health"):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not answer")


def take(pages: dict[str, str]) -> None:
    """One picture of each page in each theme."""
    node = shutil.which("node")
    if node is None:
        raise SystemExit("pictures need Node.js 20 or newer: https://nodejs.org")
    FOLDER.mkdir(exist_ok=True)
    named = [f"{name}={address}" for name, address in pages.items()]
    words = [node, "build/shots.mjs", f"http://127.0.0.1:{PORT}", str(FOLDER), *named]
    env = {**os.environ, "ONLY": "light-1440,dark-1440", "WAIT": "2500"}
    subprocess.run(words, cwd=ROOT / "web", env=env, check=True)


if __name__ == "__main__":
    main()
