"""A fork does not fall into the middle of an import on a background thread."""

from __future__ import annotations

import subprocess
import sys

import pytest

from notabene import _lazy as loading
from notabene._lazy import load

FORK = (
    "import os, sys, threading, time\n"
    "from notabene._lazy import load\n"
    "sys.path.insert(0, sys.argv[1])\n"
    "how = load if sys.argv[2] == 'load' else __import__\n"
    "thread = threading.Thread(target=how, args=('slow_module',))\n"
    "thread.start()\n"
    "while 'slow_module' not in sys.modules: time.sleep(0.001)\n"
    "pid = os.fork()\n"
    "if pid == 0:\n"
    "    import slow_module\n"
    "    os._exit(slow_module.x)\n"
    "thread.join()\n"
    "for _ in range(int(sys.argv[3]) * 20):\n"
    "    done, status = os.waitpid(pid, os.WNOHANG)\n"
    "    if done: sys.exit(os.waitstatus_to_exitcode(status))\n"
    "    time.sleep(0.05)\n"
    "os.kill(pid, 9); os.waitpid(pid, 0); sys.exit('hangs')\n"
)


@pytest.mark.parametrize(("how", "wait", "expected"), [("load", 50, 7), ("import", 1, 1)])
def test_a_child_forked_meanwhile_may_import_the_same(tmp_path, how, wait, expected):
    """With ``load`` the fork waits and the child goes on; with a plain import it would hang."""
    (tmp_path / "slow_module.py").write_text("import time; time.sleep(0.5); x = 7\n")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, str(tmp_path), how, str(wait)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == expected, done.stderr


def test_a_module_may_fork_while_it_is_loaded(tmp_path, monkeypatch):
    """An import that forks itself waits for nobody."""
    (tmp_path / "forking_module.py").write_text(
        "import os\npid = os.fork()\nif pid == 0: os._exit(0)\nstatus = os.waitpid(pid, 0)[1]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    load("forking_module")
    assert sys.modules.pop("forking_module").status == 0
    assert loading._importing.acquire(blocking=False)
    loading._importing.release()


def test_what_is_not_there_is_said():
    """A missing module raises as ever, and leaves the lock free."""
    with pytest.raises(ImportError):
        load("json", "no_such_module_at_all")
    assert loading._importing.acquire(blocking=False)
    loading._importing.release()
