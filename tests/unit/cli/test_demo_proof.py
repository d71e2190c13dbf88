"""The second half of the demo: every claim that it makes comes true on the machine it runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from notabene.cli.demo_proof import show_proof


def test_what_the_demo_shows(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A gap with its line, a repeat, a diff, the planted cause alone, and the same bits again."""
    pytest.importorskip("sklearn")
    show_proof(tmp_path / "demo", str(tmp_path / "store"))
    said = "".join(capfd.readouterr())
    assert "np.random.permutation drew from a generator never seeded  train.py:" in said
    assert said.count("notabene: same as run ") == 1
    assert "MOMENTUM (0.9 → 0.5) is the cause" in said
    assert "BIT-EXACT  12 values compared, the same bits." in said
    assert not list((tmp_path / "demo").iterdir())
