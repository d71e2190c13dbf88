"""Launchers are recognised by what they leave in the environment, and ranks agree on an id."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import pytest

from notabene._ids import ALPHABET
from notabene.capture import launch as module
from notabene.capture.launch import Launch, agreed_run_id, launch

TORCHRUN = {
    "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "node1", "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_RESTART_COUNT": "2",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {}),
        (
            TORCHRUN,
            {"launcher": "torchrun", "rank": 3, "local_rank": 1, "world": 4, "local_world": 2,
             "master_addr": "node1", "master_port": "29500", "elastic_id": "none", "restarts": 2},
        ),
        (
            {"SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0", "SLURM_PROCID": "5", "SLURM_NTASKS": "8",
             "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1", "SLURM_RESTART_COUNT": "1"},
            {"launcher": "srun", "scheduler": "slurm", "job": "77", "step": "0", "rank": 5,
             "local_rank": 1, "world": 8, "restarts": 1},
        ),
        # A batch script asked for 8 tasks, but it is itself only one process.
        (
            {"SLURM_JOB_ID": "77", "SLURM_PROCID": "0", "SLURM_NTASKS": "8",
             "SLURM_ARRAY_TASK_ID": "4"},
            {"scheduler": "slurm", "job": "77", "array_task": "4"},
        ),
        (
            {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2",
             "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
             "PMIX_NAMESPACE": "prterun-h-9@1"},
            {"launcher": "mpi", "rank": 1, "local_rank": 1, "world": 2, "local_world": 2,
             "namespace": "prterun-h-9@1"},
        ),
        (
            {"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "1"},
            {"launcher": "mpi", "rank": 1, "world": 2, "local_world": 1},
        ),
        (
            {"JSM_NAMESPACE_RANK": "2", "JSM_NAMESPACE_SIZE": "4", "LSB_JOBID": "9",
             "LSB_JOBINDEX": "0"},
            {"launcher": "jsrun", "scheduler": "lsf", "job": "9", "rank": 2, "world": 4},
        ),
        (
            {"HOROVOD_RANK": "1", "HOROVOD_SIZE": "2", "HOROVOD_LOCAL_RANK": "1",
             "HOROVOD_LOCAL_SIZE": "2"},
            {"launcher": "horovod", "rank": 1, "local_rank": 1, "world": 2, "local_world": 2},
        ),
        (
            {"LOCAL_RANK": "1", "NODE_RANK": "0", "WORLD_SIZE": "2"},
            {"launcher": "lightning", "rank": 1, "local_rank": 1, "world": 2},
        ),
        (
            {"LOCAL_RANK": "1", "NODE_RANK": "1", "WORLD_SIZE": "4", "CUDA_VISIBLE_DEVICES": "0,1"},
            {"launcher": "lightning", "rank": 3, "local_rank": 1, "world": 4},
        ),
        ({"PBS_JOBID": "12.host", "PBS_ARRAY_INDEX": "0"},
         {"scheduler": "pbs", "job": "12.host", "array_task": "0"}),
        ({"SGE_ROOT": "/sge", "JOB_ID": "5", "SGE_TASK_ID": "undefined", "RESTARTED": "1"},
         {"scheduler": "sge", "job": "5", "restarts": 1}),
        ({"JOB_ID": "5", "RESTARTED": "1"}, {}),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JOB_COMPLETION_INDEX": "2"},
         {"scheduler": "kubernetes", "array_task": "2"}),
        ({"WANDB_SWEEP_ID": "abc"}, {"sweep": "wandb"}),
        ({"RANK": "x", "WORLD_SIZE": "2"}, {}),
        ({"RANK": "5", "WORLD_SIZE": "2"}, {}),
        ({"RANK": "-1", "WORLD_SIZE": "2"}, {}),
    ],
)  # fmt: skip
def test_launchers_are_recognised(environ, expected, monkeypatch):
    """Rank, world, job, step and restarts are read from each launcher's variables."""
    monkeypatch.setattr(module, "_interactive", lambda: False)
    assert launch(environ).to_dict() == expected


def test_later_ranks_array_tasks_and_trials_are_quiet():
    """Only a first rank that stands for itself speaks at a terminal."""
    assert not Launch().quiet
    assert not Launch(rank=0, world=4).quiet
    assert Launch(rank=1, world=4).quiet
    assert Launch(array_task="0").quiet
    assert Launch(sweep="wandb").quiet
    assert Launch(sweep="wandb").is_child_of_sweep


def test_a_multirun_of_hydra_is_a_sweep(monkeypatch):
    """Hydra's own configuration says whether this is one of many; it is asked only if loaded."""
    modes = iter(["RunMode.MULTIRUN", "RunMode.RUN"])
    config = types.SimpleNamespace(
        initialized=lambda: True, get=lambda: types.SimpleNamespace(mode=next(modes))
    )
    fake = types.SimpleNamespace(HydraConfig=config)
    monkeypatch.setitem(sys.modules, "hydra.core.hydra_config", fake)
    assert launch({}).sweep == "hydra"
    assert launch({}).sweep == ""


def batch(**fields):
    """A process of a SLURM job."""
    return Launch(**{"scheduler": "slurm", "job": "77", **fields})


def test_agreed_ids_are_ids():
    """An agreed id has 16 characters of the ids' alphabet."""
    found = agreed_run_id(1, batch())
    assert len(found.id) == 16
    assert set(found.id) <= set(ALPHABET)


def test_all_ranks_of_a_step_agree():
    """Ranks of one srun agree whatever their arguments; steps, jobs and inits differ."""
    ranks = [batch(step="0", launcher="srun", rank=r, local_rank=r, world=8) for r in range(8)]
    ids = {agreed_run_id(1, r, argv=["x", f"--id={r.rank}"]).id for r in ranks}
    assert len(ids) == 1
    others = {
        agreed_run_id(2, ranks[0]).id,
        agreed_run_id(1, ranks[0], attempt=1).id,
        agreed_run_id(1, batch(step="1", world=8)).id,
        agreed_run_id(1, batch(job="78", step="0", world=8)).id,
        agreed_run_id(1, batch(step="0", world=8, array_task="1")).id,
    }
    assert len(others) == 5
    assert not ids & others


def test_a_requeued_job_continues_its_run():
    """The id does not change with the restart count, and the answer says to continue."""
    first = agreed_run_id(1, batch(), argv=["train.py"])
    again = agreed_run_id(1, batch(restarts=1), argv=["train.py"])
    assert first.id == again.id
    assert not first.continues
    assert again.continues


def test_programs_of_one_batch_script_have_runs_of_their_own():
    """In a job of one process the command line belongs to the id."""
    one, two = (agreed_run_id(1, batch(), argv=["train.py", f"--seed={s}"]) for s in (1, 2))
    assert one.id != two.id


def test_words_that_tell_ranks_apart_do_not_count():
    """``--local-rank 3`` and its relatives are left out of the command line."""
    ranks = [batch(world=2, local_world=2, rank=r) for r in range(2)]
    for words in (["--local-rank={}"], ["--local_rank", "{}"], ["--rank", "{}"]):
        argvs = [["t.py", *[w.format(r.rank) for w in words], "--lr", "1"] for r in ranks]
        ids = {agreed_run_id(1, r, argv=a).id for r, a in zip(ranks, argvs, strict=True)}
        assert len(ids) == 1, words


@pytest.mark.parametrize(
    "started",
    [
        Launch(),
        Launch(interactive=True),
        Launch(scheduler="slurm", job="77", interactive=True),
        Launch(launcher="lightning", rank=1, world=2),
        Launch(launcher="torchrun", world=1, local_world=1),  # RANK=0 set by hand
        Launch(launcher="mpi", rank=1, world=2),  # nothing that all would share
    ],
)
def test_without_common_marks_there_is_no_agreed_id(started):
    """A process alone, a person's shell in a job, and ranks without marks get ids of their own."""
    assert agreed_run_id(1, started) is None


def test_ranks_of_one_machine_agree_by_the_process_that_started_them():
    """Children of one launcher agree, wrapped in shells or not; another launcher's differ."""
    code = (
        "from notabene.capture.launch import agreed_run_id\n"
        "print(agreed_run_id().id)\n"
    )  # fmt: skip
    spawn = (
        "import os, subprocess, sys\n"
        "for rank in range(2):\n"
        "    env = dict(os.environ, RANK=str(rank), WORLD_SIZE='2', LOCAL_WORLD_SIZE='2')\n"
        "    words = [sys.executable, '-c', sys.argv[1]]\n"
        "    if rank:\n"
        "        words = ['sh', '-c', '\"$@\"; true', 'sh', *words]\n"
        "    subprocess.run(words, env=env, check=True, stdin=subprocess.DEVNULL)\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", spawn, code], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert len(runs[0]) == len(runs[1]) == 2
    assert len(set(runs[0])) == len(set(runs[1])) == 1
    assert runs[0] != runs[1]


def test_ranks_of_several_machines_agree_by_the_meeting_point():
    """Without a scheduler, torchrun's id with the address and port of rank 0 is the mark."""

    def at(rank, port):
        return Launch(
            launcher="torchrun", rank=rank, world=4, local_world=2, elastic_id="x",
            master_addr="n1", master_port=port,
        )  # fmt: skip

    assert agreed_run_id(1, at(0, "1")).id == agreed_run_id(1, at(3, "1")).id
    assert agreed_run_id(1, at(0, "1")).id != agreed_run_id(1, at(0, "2")).id


def test_a_launcher_in_a_persons_shell_is_not_taken_for_the_job():
    """Two starts of torchrun typed in one interactive allocation do not share an id."""
    started = batch(world=2, local_world=2, interactive=True)
    typed = agreed_run_id(1, started)
    assert typed.id != agreed_run_id(1, batch(world=2, local_world=2)).id
    assert typed.id == agreed_run_id(1, started, argv=["other"]).id  # by the launching process


def test_the_launching_process_is_known_without_a_proc_folder(monkeypatch):
    """Where the kernel has no /proc, the parent's start time comes from psutil."""
    monkeypatch.setattr(module, "process_start", lambda pid: 0)
    marks = module._launching_process()
    assert marks[1] == str(os.getppid()) or len(marks) == 3
    assert marks == module._launching_process()
