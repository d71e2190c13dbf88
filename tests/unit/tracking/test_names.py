"""What runs and projects are called where nobody says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from notabene.tracking import names

if TYPE_CHECKING:
    import pytest


def test_an_installed_command_names_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script's folder is its project; for a command beside the interpreter, the working one."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__file__", str(tmp_path / "lab" / "train.py"), raising=False)
    assert names.default_project() == "lab"
    monkeypatch.setattr(main, "__file__", str(Path(sys.executable).parent / "train"))
    assert names.default_project() == "here"
