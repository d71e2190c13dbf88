"""``notabene demo``: train real models on real data, then look at what the notebook holds."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from notabene.cli.demo_proof import PROJECT as PROOF
from notabene.cli.demo_proof import show_proof
from notabene.cli.render import common, hint, open_api, print_json, say, store_of, took
from notabene.cli.serving import serve_pages
from notabene.errors import MissingDependencyError
from notabene.settings import Settings, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = "demo"
AT_ONCE = 4
LIMIT = 300.0


def plans(group: str) -> list[dict[str, Any]]:
    """The 24 runs: model, data and config of each; one fails and one is killed on purpose."""
    found: list[dict[str, Any]] = []

    def plan(name: str, model: str, data: str, **config: Any) -> None:
        found.append(
            {
                "name": name,
                "group": group,
                "config": {"model": model, "data": data, **config},
                "hypothesis": HYPOTHESES.get(model, ""),
            }
        )

    for lr in (0.03, 0.1, 0.3, 1.0):
        for hidden in (16, 64):
            plan(f"net-{hidden}-lr{lr}", "network", "digits", lr=lr, hidden=hidden, seed=0)
    plan("net-killed", "network", "digits", lr=0.1, hidden=32, seed=1, trouble="killed")
    plan("net-broken", "network", "digits", lr=0.1, hidden=32, seed=2, trouble="shape")
    for c in (0.01, 0.1, 1.0, 10.0):
        plan(f"logistic-C{c}", "logistic", "digits", C=c, seed=0)
    for trees in (50, 200):
        for depth in (3, 8):
            plan(f"forest-{trees}-d{depth}", "forest", "cancer", trees=trees, depth=depth, seed=0)
    for lr in (0.03, 0.1, 0.3):
        for depth in (1, 3):
            plan(f"boost-lr{lr}-d{depth}", "boosting", "cancer", lr=lr, depth=depth, seed=0)
    return found


HYPOTHESES = {
    "network": "a learning rate of 0.3 beats 0.1 within 40 epochs",
    "boosting": "stumps are enough for this data",
}


@click.command()
@click.option("--no-serve", is_flag=True, help="End by itself, without serving the dashboard.")
@click.option("--no-open", is_flag=True, help="Open no browser.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the dashboard.")
@common
def demo(no_serve: bool, no_open: bool, port: int | None, store: str | None, as_json: bool) -> int:
    """Train 24 small models (four at once), prove one, then open the dashboard on them.

    Ends by itself with --no-serve, with --json, and where CI=true is set.
    Needs scikit-learn: pip install 'notabene[demo]'
    """
    _require_sklearn()
    settings = Settings({"store": store_of(store)})
    where = str(settings.store)
    group = time.strftime("demo-%m%d-%H%M%S")
    wanted = plans(group)
    begun = time.monotonic()
    if not as_json:
        say(f"Training {len(wanted)} models on scikit-learn's digits and breast cancer data,")
        say(f"{AT_ONCE} at a time. The notebook is {where}, the project is {PROJECT!r}.")
        say("One run breaks and one is killed on purpose.\n")
    for at, (plan, seconds) in enumerate(_train(wanted, where), 1):
        if not as_json:
            _say_one(at, len(wanted), plan, seconds, where)
    if as_json:
        with open_api(where) as api:
            views = list(api.runs(f"group = '{group}'", project=PROJECT, limit=None))
            print_json([view.to_dict() for view in views])
        return 0
    say(f"\nAll done in {took(time.monotonic() - begun)}.")
    _look_around(where, group)
    show_proof(settings.cache / "demo", where)
    mine = f"group = '{group}' or project = '{PROOF}'"
    hint(f'\nTo remove it all: notabene rm -w "{mine}"')
    if no_serve or environment().get("CI", "").lower() in ("1", "true"):
        return 0
    say("\nThe dashboard, until Ctrl-C:", bold=True)
    serve_pages(where, port=port, no_open=no_open, wanted=True)
    return 0


def _require_sklearn() -> None:
    from importlib.util import find_spec

    if find_spec("sklearn") is None:
        raise MissingDependencyError(
            "the demo trains models with scikit-learn, which is not installed",
            hint="pip install 'notabene[demo]'",
        )


def _train(wanted: list[dict[str, Any]], store: str) -> Iterator[tuple[dict[str, Any], float]]:
    """Give the plans to four workers; yields each as it ends. Who dies is replaced."""
    waiting = list(wanted)
    # Four programs on a laptop's cores: threads of BLAS in each would only be in the way.
    calm = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    env = {**environment(), **calm, "NOTABENE_STORE": store, "NOTABENE_QUIET": "1"}
    env["NOTABENE_SYSTEM_EVERY"] = "1"
    workers = [Worker(env) for _ in range(min(AT_ONCE, len(waiting)))]
    try:
        while waiting or any(worker.plan for worker in workers):
            for at, worker in enumerate(workers):
                ended = worker.look()
                if ended is not None:
                    yield ended
                if worker.dead:
                    worker.close()
                    workers[at] = worker = Worker(env)
                if worker.plan is None and waiting:
                    worker.give(waiting.pop(0))
            time.sleep(0.02)
    finally:
        for worker in workers:
            worker.close()


class Worker:
    """A process that trains one plan after the other; it loads scikit-learn only once."""

    def __init__(self, env: dict[str, str]) -> None:
        self.plan: dict[str, Any] | None = None
        self.begun = 0.0
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("demo_train.py"))],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)

    @property
    def dead(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def give(self, plan: dict[str, Any]) -> None:
        """Have a plan trained."""
        self.plan, self.begun = plan, time.monotonic()
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(plan) + b"\n")
        self.process.stdin.flush()

    def look(self) -> tuple[dict[str, Any], float] | None:
        """The plan that has ended since, with its ``code``, and how long it took."""
        if self.plan is None:
            return None
        took = time.monotonic() - self.begun
        assert self.process.stdout is not None
        answer = self.process.stdout.readline()
        if answer:
            code = int(answer)
        elif self.dead:
            code = self.process.returncode
        else:
            if took > LIMIT:
                self.process.kill()
            return None
        plan, self.plan = self.plan, None
        return {**plan, "code": code}, took

    def close(self) -> None:
        """Let the process end."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.process.wait()


def _say_one(at: int, of: int, plan: dict[str, Any], seconds: float, store: str) -> None:
    code = plan["code"]
    how = "done" if code == 0 else (f"killed by signal {-code}" if code < 0 else "broke")
    if code and "trouble" not in plan["config"]:
        how += f"; see notabene --store {store} show {plan['name']}"
    say(f"[{at:>2}/{of}] {plan['name']:<18} {how} after {took(seconds)}")


def _look_around(store: str, group: str) -> None:
    mine = f"group = '{group}'"
    best = '-metrics."val/accuracy".max'
    _show(store, "ls", mine, "-p", PROJECT, "-n", "24")
    _show(
        store,
        "ls",
        f"{mine} and params.data = 'digits' and metrics.\"val/accuracy\".max > 0.9",
        "-p",
        PROJECT,
        "-s",
        best,
        "-n",
        "5",
    )
    with open_api(store) as api:
        top = api.runs(f"{mine} and params.data = 'digits'", order_by=best, limit=1)[0]
        curves = api.runs(
            f"{mine} and params.model = 'network' and status = 'finished'",
            order_by='-metrics."val/accuracy".max',
            limit=3,
        )
        names = [view.id[-6:] for view in curves]
        broken = api.runs(f"{mine} and status = 'failed'", limit=1)
        broken_id = broken[0].id[-6:] if len(broken) else None
    _show(store, "show", top.id[-6:])
    _show(store, "plot", *names, "-m", "val/accuracy", "-m", "loss")
    if broken_id is not None:
        _show(store, "show", broken_id)


def _show(store: str, *words: str) -> None:
    from notabene.cli.main import cli

    say(f"\n$ notabene {' '.join(_shell_word(word) for word in words)}", bold=True)
    cli.main(args=["--store", store, *words], prog_name="notabene", standalone_mode=False)


def _shell_word(word: str) -> str:
    """A word for a shell, as a person would write it: words with ' in them stand in "..."."""
    if "'" not in word:
        return shlex.quote(word)
    return '"' + re.sub(r'([\\"$`])', r"\\\1", word) + '"'
