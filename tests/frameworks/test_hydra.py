"""Hydra: the callback, in programs as people start them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("hydra")

PROGRAM = """
import hydra, notabene

@hydra.main(config_path="conf", config_name="config", version_base=None)
def main(cfg):
    for step in range(3):
        notabene.log({"loss": cfg.optim.lr / (step + 1)})
    if cfg.get("fail"):
        raise ArithmeticError("bad luck")

if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [_self_]
optim: {lr: 0.1, name: sgd}
twice: ${optim.lr}
hydra:
  callbacks:
    notabene:
      _target_: notabene.integrations.hydra.NotabeneCallback
"""


@pytest.fixture
def program():
    """Starts the program with some words; its exit status."""
    Path("conf").mkdir()
    Path("conf/config.yaml").write_text(CONFIG)
    Path("train.py").write_text(PROGRAM)

    def start(*words: str) -> int:
        command = [sys.executable, "train.py", *words]
        return subprocess.run(command, timeout=300, check=False, capture_output=True).returncode

    return start


def test_a_job_is_a_run(program, notebook):
    """The composed config, resolved and with overrides; what the program logs; the end."""
    assert program("optim.lr=0.5") == 0
    run = notebook.only()
    assert (run.project, run.status) == ("train", "finished")
    assert run.config["optim"] == {"lr": 0.5, "name": "sgd"}
    assert run.config["twice"] == 0.5
    assert "hydra" not in run.config
    assert run.tags["hydra.overrides"] == "optim.lr=0.5"
    assert notebook.curve(run, "loss") == [0.5, 0.25, 0.5 / 3]


def test_a_multirun_is_a_group(program, notebook):
    """Each job of a sweep is a run with its own config, in one group."""
    assert program("-m", "optim.lr=0.1,0.2,0.3") == 0
    runs = notebook.runs()
    assert sorted(run.config["optim"]["lr"] for run in runs) == [0.1, 0.2, 0.3]
    assert len({run.group for run in runs}) == 1
    assert runs[0].group


def test_a_job_that_fails_fails(program, notebook):
    """The run of a job that raised has failed, and says why."""
    assert program("+fail=true") != 0
    run = notebook.only()
    assert run.status == "failed"
    assert "bad luck" in str(run.to_dict())
