"""``notabene demo``: train real models on real data, then look at what the notebook holds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from notabene.cli.render import common, hint, open_api, print_json, say, store_of, took
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
@click.option("--no-serve", is_flag=True, help="End by itself, without serving a page.")
@common
def demo(no_serve: bool, store: str | None, as_json: bool) -> int:
    """Train 24 small models (four at once), then show what the notebook holds.

    Needs scikit-learn: pip install 'notabene[demo]'
    """
    del no_serve  # there is no page to serve yet; scripts may say so already
    _require_sklearn()
    where = str(Settings({"store": store_of(store)}).store)
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
    return 0


def _require_sklearn() -> None:
    from importlib.util import find_spec

    if find_spec("sklearn") is None:
        raise MissingDependencyError(
            "the demo trains models with scikit-learn, which is not installed",
            hint="pip install 'notabene[demo]'",
        )


def _train(wanted: list[dict[str, Any]], store: str) -> Iterator[tuple[dict[str, Any], float]]:
    """Run all plans, four processes at a time; yields each as it ends."""
    waiting, running = list(wanted), []
    # Four programs on a laptop's cores: threads of BLAS in each would only get in each other's way.
    calm = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    env = {**environment(), **calm, "NOTABENE_STORE": store, "NOTABENE_QUIET": "1"}
    env["NOTABENE_SYSTEM_EVERY"] = "1"
    script = Path(__file__).with_name("demo_train.py")
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            plan = waiting.pop(0)
            process = subprocess.Popen(
                [sys.executable, str(script), msgspec.json.encode(plan).decode()],
                env=env,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=os.getcwd(),
            )
            running.append((plan, process, time.monotonic()))
        for item in list(running):
            plan, process, begun = item
            if process.poll() is None and time.monotonic() - begun > LIMIT:
                process.kill()
            if process.poll() is not None:
                running.remove(item)
                yield {**plan, "code": process.returncode}, time.monotonic() - begun
        time.sleep(0.05)


def _say_one(at: int, of: int, plan: dict[str, Any], seconds: float, store: str) -> None:
    code = plan["code"]
    how = "done" if code == 0 else (f"killed by signal {-code}" if code < 0 else "broke")
    if code and "trouble" not in plan["config"]:
        how += f"; see notabene --store {store} show {plan['name']}"
    say(f"[{at:>2}/{of}] {plan['name']:<18} {how} after {took(seconds)}")


def _look_around(store: str, group: str) -> None:
    mine = f"group = '{group}'"
    best = "-metrics.\"val/accuracy\".max"
    _show(store, "ls", mine, "-p", PROJECT, "-n", "24")
    _show(
        store,
        "ls",
        f'{mine} and params.data = \'digits\' and metrics."val/accuracy".max > 0.9',
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
            order_by="-metrics.\"val/accuracy\".max",
            limit=3,
        )
        names = [view.id[-6:] for view in curves]
        broken = api.runs(f"{mine} and status = 'failed'", limit=1)
        broken_id = broken[0].id[-6:] if len(broken) else None
    _show(store, "show", top.id[-6:])
    _show(store, "plot", *names, "-m", "val/accuracy", "-m", "loss")
    if broken_id is not None:
        _show(store, "tail", broken_id, "-n", "8", "--no-follow")
    hint(f"\nTo remove it all: notabene rm -w \"{mine}\"")


def _show(store: str, *words: str) -> None:
    from notabene.cli.main import cli

    shown = " ".join(f"'{w}'" if " " in w else w for w in words)
    say(f"\n$ notabene {shown}", bold=True)
    cli.main(args=["--store", store, *words], prog_name="notabene", standalone_mode=False)
