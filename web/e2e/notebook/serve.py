"""A filled store of its own, served for the browser tests: serve.py PORT STORE."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PORT, STORE = sys.argv[1], Path(sys.argv[2])

shutil.rmtree(STORE, ignore_errors=True)
os.environ["NOTABENE_STORE"] = str(STORE)
subprocess.run([sys.executable, str(HERE / "fill.py")], check=True, stdout=subprocess.DEVNULL)
words = [sys.executable, "-m", "notabene", "serve", "--port", PORT, "--no-token", "--no-open"]
os.execv(sys.executable, words)
