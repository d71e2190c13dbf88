"""Who started this process: launcher, scheduler, rank; and the run id all ranks agree on.

Everything is read from the environment that launchers set; nothing is asked over a network,
and no launcher's library is imported.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from notabene._ids import ALPHABET, RUN_ID_LENGTH, boot_id, host_name, process_start
from notabene.model.canonical import digest_json
from notabene.settings import environment

_RANK_FLAG = re.compile(r"--(?:local|global|node|machine|process)?[-_]?rank(?:=.*)?\Z")


class _Ranks(NamedTuple):
    """Which variables of a launcher hold the rank, the number of ranks and the local rank."""

    launcher: str
    rank: str
    world: str
    local: str
    local_world: str = ""


_LAUNCHERS = (
    _Ranks("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"),
    _Ranks("horovod", "HOROVOD_RANK", "HOROVOD_SIZE", "HOROVOD_LOCAL_RANK", "HOROVOD_LOCAL_SIZE"),
    _Ranks(
        "mpi",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
    ),
    _Ranks(
        "mpi",
        "MV2_COMM_WORLD_RANK",
        "MV2_COMM_WORLD_SIZE",
        "MV2_COMM_WORLD_LOCAL_RANK",
        "MV2_COMM_WORLD_LOCAL_SIZE",
    ),
    _Ranks("jsrun", "JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_LOCAL_RANK"),
    _Ranks("mpi", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    _Ranks("jax", "JAX_PROCESS_ID", "JAX_NUM_PROCESSES", "JAX_LOCAL_PROCESS_ID"),
    _Ranks("srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
)

_JOBS = (
    ("slurm", "SLURM_JOB_ID"),
    ("pbs", "PBS_JOBID"),
    ("lsf", "LSB_JOBID"),
    ("sge", "JOB_ID"),
    ("sagemaker", "TRAINING_JOB_NAME"),
    ("azureml", "AZUREML_RUN_ID"),
    ("vertex", "CLOUD_ML_JOB_ID"),
    ("kubernetes", "KUBERNETES_SERVICE_HOST"),
)
_STEPS = ("SLURM_STEP_ID", "LSF_JSM_STEP", "PBS_TASKNUM")
_ARRAY_TASKS = (
    "SLURM_ARRAY_TASK_ID",
    "PBS_ARRAY_INDEX",
    "PBS_ARRAYID",
    "LSB_JOBINDEX",
    "SGE_TASK_ID",
    "JOB_COMPLETION_INDEX",
)
_RESTARTS = ("SLURM_RESTART_COUNT", "TORCHELASTIC_RESTART_COUNT")
_NAMESPACES = ("PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid")
_WRAPPERS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "env", "numactl", "taskset"})
_SWEEPS = (
    ("wandb", "WANDB_SWEEP_ID"),
    ("ray", "RAY_TRIAL_ID"),
    ("guild", "GUILD_OP"),
    ("nni", "NNI_TRIAL_JOB_ID"),
    ("determined", "DET_TRIAL_ID"),
    ("katib", "KATIB_TRIAL_NAME"),
    ("notabene", "NOTABENE_SWEEP"),
)


class Launch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How this process came to be.

    Attributes:
        launcher: What started several ranks: ``torchrun`` (also Accelerate, DeepSpeed),
            ``lightning``, ``srun``, ``mpi``, ``jsrun``, ``horovod``, ``jax``; empty if none.
        rank: Number of this process among all, from 0.
        local_rank: Number on this machine.
        world: How many processes there are.
        local_world: How many on this machine; 0 where that is not known.
        scheduler: ``slurm``, ``pbs``, ``lsf``, ``sge``, ``kubernetes``, ``sagemaker``,
            ``azureml``, ``vertex``; empty if none.
        job: The scheduler's job id.
        step: The step within the job (one ``srun``).
        array_task: The index in a job array.
        restarts: How often the scheduler or launcher has begun this job anew.
        elastic_id: The run id of torchrun.
        namespace: What an MPI launcher calls this start of it.
        master_addr: Where rank 0 listens.
        master_port: And at which port.
        sweep: What runs this as one of many trials; empty if nothing known.
        interactive: A person sits at the keyboard of this process.
    """

    launcher: str = ""
    rank: int = 0
    local_rank: int = 0
    world: int = 1
    local_world: int = 0
    scheduler: str = ""
    job: str = ""
    step: str = ""
    array_task: str = ""
    restarts: int = 0
    elastic_id: str = ""
    namespace: str = ""
    master_addr: str = ""
    master_port: str = ""
    sweep: str = ""
    interactive: bool = False

    @property
    def is_child_of_sweep(self) -> bool:
        """Whether this is one of many trials that something else oversees."""
        return bool(self.sweep)

    @property
    def quiet(self) -> bool:
        """Whether nobody waits for lines from this one: a later rank, an array task, a trial."""
        return self.rank > 0 or bool(self.array_task) or bool(self.sweep)

    def to_dict(self) -> dict[str, Any]:
        """The fields that say something."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


class Agreement(msgspec.Struct, frozen=True):
    """The run id that all ranks of a launch come to, each by itself.

    Attributes:
        id: 16 characters of the ids' alphabet.
        continues: The job was begun anew (requeued, restarted): an existing run of this id is
            to be continued. Where it is False and the run holds a writer of this rank
            already, an earlier launch with the same marks made it: ask again with the next
            ``attempt``.
    """

    id: str
    continues: bool = False


def launch(environ: Mapping[str, str] | None = None) -> Launch:
    """What the environment says about how this process was started; never fails.

    Args:
        environ: The environment; default is that of the process.
    """
    env = environment() if environ is None else environ
    scheduler, job = _job(env)
    ranks = _ranks(env)
    restarts = _RESTARTS if scheduler != "sge" else (*_RESTARTS, "RESTARTED")
    return Launch(
        **ranks,
        scheduler=scheduler,
        job=job,
        step=_first(env, _STEPS),
        array_task=_array_task(env, bool(ranks)),
        restarts=max(_number(env.get(name)) or 0 for name in restarts),
        elastic_id=env.get("TORCHELASTIC_RUN_ID", ""),
        namespace=_first(env, _NAMESPACES),
        master_addr=_first(env, ("MASTER_ADDR", "HOROVOD_GLOO_RENDEZVOUS_ADDR")),
        master_port=_first(env, ("MASTER_PORT", "HOROVOD_GLOO_RENDEZVOUS_PORT")),
        sweep=_sweep(env),
        interactive=_interactive(),
    )


def agreed_run_id(
    nth: int = 1,
    started: Launch | None = None,
    *,
    attempt: int = 0,
    argv: Sequence[str] | None = None,
) -> Agreement | None:
    """The id of the run that all ranks of one launch share, or None where each has its own.

    The id is a digest of what is equal on all ranks and differs between launches, in this
    order: scheduler job and step; else, on one machine, the launching process; else torchrun's
    run id with the address and port of rank 0. A job of one process has an agreed id as well
    where a scheduler may begin it anew; there the command line belongs to the digest, since a
    batch script may start several programs.

    Args:
        nth: The n-th ``init`` in this process, from 1.
        started: What :func:`launch` found, if it was asked already.
        attempt: How many ids of these marks are known to belong to earlier launches.
        argv: The command line; default is that of the process.
    """
    started = launch() if started is None else started
    marks = _marks(started, sys.argv if argv is None else argv)
    if marks is None:
        return None
    number = int(digest_json([*marks, nth, attempt]), 16)
    digits = []
    for _ in range(RUN_ID_LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[rest])
    return Agreement("".join(digits), started.restarts > 0)


def _marks(started: Launch, argv: Sequence[str]) -> list[str] | None:
    alone = started.world == 1
    one_machine = alone or started.local_world == started.world
    if started.launcher == "lightning":
        return None
    if alone and not started.elastic_id and (started.interactive or not started.job):
        return None
    if started.job and not (one_machine and started.interactive):
        marks = [started.scheduler, started.job, started.step, started.array_task]
        # Ranks on several machines may be told apart by arguments, so theirs are left out.
        return [*marks, *_common(argv)] if one_machine else marks
    if started.namespace:
        return [started.namespace, started.master_addr, started.master_port]
    if one_machine:
        return _launching_process()
    if started.master_addr:
        return [started.elastic_id, started.master_addr, started.master_port]
    return None


def _launching_process() -> list[str]:
    """Marks of the process that started all ranks of this machine, past shells in between."""
    pid = os.getppid()
    for _ in range(8):
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            break
        if name not in _WRAPPERS:
            break
        pid = int(status.rpartition(")")[2].split()[1])
    if started := process_start(pid):
        return [boot_id(), str(pid), str(started)]
    import psutil  # where there is no /proc

    try:
        return [host_name(), str(pid), str(psutil.Process(pid).create_time())]
    except psutil.Error:
        return [host_name(), str(pid)]


def _common(argv: Sequence[str]) -> list[str]:
    """A command line without the words that tell ranks apart."""
    found, skip = [], False
    for word in argv:
        if not skip and not _RANK_FLAG.match(word):
            found.append(word)
        skip = bool(_RANK_FLAG.match(word)) and "=" not in word and not skip
    return found


def _ranks(env: Mapping[str, str]) -> dict[str, Any]:
    for names in _LAUNCHERS:
        rank, world = _number(env.get(names.rank)), _number(env.get(names.world))
        if rank is None or world is None or not 0 <= rank < world:
            continue
        if world == 1 and names.launcher == "srun":
            continue
        return {
            "launcher": names.launcher,
            "rank": rank,
            "world": world,
            "local_rank": _number(env.get(names.local)) or 0,
            "local_world": _number(env.get(names.local_world)) or 0,
        }
    # Lightning starts ranks above 0 as children of rank 0, which has none of these variables.
    local, world = _number(env.get("LOCAL_RANK")), _number(env.get("WORLD_SIZE"))
    node = _number(env.get("NODE_RANK"))
    if local is None or node is None or world is None or not 0 <= local < world:
        return {}
    devices = env.get("CUDA_VISIBLE_DEVICES", "").count(",") + 1
    per_node = world if node == 0 or devices == 1 else devices
    rank = node * per_node + local
    return {"launcher": "lightning", "rank": rank, "local_rank": local, "world": world}


def _job(env: Mapping[str, str]) -> tuple[str, str]:
    for scheduler, name in _JOBS:
        value = env.get(name, "")
        if scheduler == "sge" and "SGE_ROOT" not in env:
            continue  # JOB_ID alone is anybody's variable
        if scheduler == "kubernetes":
            # A pod has no job id of its own; its name is new with each pod.
            return ("kubernetes", "") if value else ("", "")
        if value:
            return scheduler, value
    return "", ""


def _array_task(env: Mapping[str, str], ranks: bool) -> str:
    for name in _ARRAY_TASKS:
        value = env.get(name, "")
        no_array = {"SGE_TASK_ID": "undefined", "LSB_JOBINDEX": "0"}.get(name)
        if value and value != no_array and not (ranks and name == "JOB_COMPLETION_INDEX"):
            return value
    return ""


def _sweep(env: Mapping[str, str]) -> str:
    for name, variable in _SWEEPS:
        if env.get(variable):
            return name
    hydra = sys.modules.get("hydra.core.hydra_config")
    config = getattr(hydra, "HydraConfig", None)
    try:
        if config is not None and config.initialized():
            return "hydra" if "MULTIRUN" in str(config.get().mode) else ""
    except (AttributeError, ValueError, LookupError, RuntimeError):
        return ""
    return ""


def _interactive() -> bool:
    if hasattr(sys, "ps1") or "ipykernel" in sys.modules:
        return True
    try:
        return bool(sys.stdin and sys.stdin.isatty())
    except (OSError, ValueError, AttributeError):
        return False


def _first(env: Mapping[str, str], names: Sequence[str]) -> str:
    return next((env[name] for name in names if env.get(name)), "")


def _number(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None
