"""Print what the pages cost in a browser, beside other trackers' pages where these are installed.

    python bench/pages.py                      all chapters
    python bench/pages.py open charts          some
    python bench/pages.py --scale 0.1 --repeats 3 open

Stores are made in a temporary folder for one run; ``--stores FOLDER`` keeps them. Needs the built
web interface, Node.js, ``web/node_modules`` and a Chromium. Times are from a browser with an empty
cache on this machine, the server warm and beside it: what the machine does besides moves them, so
the CPU time of page and server stands beside them. Nothing fails here: the fail line is printed
for who compares. Figures go to ``bench/results/<date>-pages.json``.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pagepeers
from browser import WEB, Browser, BrowserError, missing
from harness import installed, keep, machine, number, table
from serving import Server, notabene
from stores import PROJECT, SHAPES, Stores

HERE = Path(__file__).resolve().parent
RUNS, CHARTS = f"/p/{quote(PROJECT)}/runs", f"/p/{quote(PROJECT)}/charts"
FIRST = ".uplot"
"""The first chart of a page."""


class Bench:
    """One run: stores, browser, and what was found.

    Args:
        stores: Where the data is.
        browser: What looks at it.
        repeats: How often each is measured.
    """

    def __init__(self, stores: Stores, browser: Browser, repeats: int) -> None:
        self.stores = stores
        self.browser = browser
        self.repeats = repeats
        self.figures: dict[str, Any] = {}
        self._rows: list[tuple[Any, ...]] = []

    def note(
        self,
        name: str,
        values: list[float | None],
        target: float | None = None,
        fail: float | None = None,
        unit: str = "ms",
        cpu: str = "",
    ) -> None:
        """A row of the table."""
        found = [value for value in values if value is not None]
        middle = statistics.median(found) if found else None
        self.figures[name] = {
            "median": middle,
            "values": values,
            "unit": unit,
            "target": target,
            "fail": fail,
            "cpu": cpu,
            "load": os.getloadavg()[0],
        }
        spread = f"{number(min(found))}..{number(max(found))} of {len(found)}" if found else "-"
        met = "" if middle is None or target is None else "yes" if middle <= target else "no"
        if met == "no" and fail is not None and middle is not None and middle > fail:
            met = "NO"
        self._rows.append((name, middle, spread, unit, target, fail, met, cpu))

    def print(self, title: str) -> None:
        """The rows so far."""
        if self._rows:
            head = ("what", "median", "min..max", "", "target", "fail line", "met", "CPU ms")
            table(title, head, self._rows)
            print(f"\nload {os.getloadavg()[0]:.1f}")
        self._rows.clear()

    @contextmanager
    def serving(self, name: str) -> Iterator[Server]:
        """Our server over the store of a name, warm."""
        with notabene(self.stores.env(name), self.stores.place(name)) as server:
            server.get(f"/api/v1/projects/fields?project={quote(PROJECT)}")
            server.get(f"/api/v1/runs/table?project={quote(PROJECT)}&fields=name")
            yield server

    def opened(self, server: Server, url: str, **wanted: Any) -> list[dict[str, Any]]:
        """Some openings of a page, each with the CPU ms of page and server until then."""
        found = []
        for _ in range(self.repeats):
            before = server.cpu()
            one = self.browser.ask("open", url=url, **wanted)
            one["server_cpu"] = (server.cpu() - before) * 1000
            for error in one["errors"]:
                print(f"the page at {url} says: {error}")
            found.append(one)
        return found


def cpu_of(found: list[dict[str, Any]]) -> str:
    """Medians of the CPU times of page and server."""
    page, server = (statistics.median(o[key] for o in found) for key in ("page_cpu", "server_cpu"))
    return f"page {page:.0f}, server {server:.0f}"


def column(found: list[dict[str, Any]], key: str) -> list[float | None]:
    """One figure of several answers."""
    return [one[key] for one in found]


# -- chapters ------------------------------------------------------------------------------


def weight(bench: Bench) -> None:
    """Bytes of scripts and styles."""
    with bench.serving("empty") as server:
        first = bench.browser.ask("open", url=server.url + RUNS, rows=1, lines=1)
    bench.note("scripts and styles of the runs and charts page", [first["kb"]], 130, 160, "KB gz")
    import notabene.server

    folder = Path(notabene.server.__file__).parent / "static"
    parts = [path for path in folder.rglob("*") if path.suffix in (".js", ".css")]
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in parts) / 1000
    bench.note(f"whole app, all {len(parts)} files", [size], 300, 360, "KB gz")


def opening(bench: Bench) -> None:
    """Open a large project."""
    runs = bench.stores.shape("many").runs
    with bench.serving("many") as server:
        found = bench.opened(server, server.url + RUNS, rows=10, lines=1)
    cpu = cpu_of(found)
    bench.note(f"open {runs:,} runs: rows readable", column(found, "rows"), 700, 1200, cpu=cpu)
    bench.note(f"open {runs:,} runs: first chart drawn", column(found, "chart"), 1000, 1800)


def charts(bench: Bench) -> None:
    """Many long runs on many charts."""
    shape = bench.stores.shape("long")
    count, lines = shape.keys, shape.runs
    with bench.serving("long") as server:
        url = f"{server.url}{CHARTS}?v=1&n={lines}"
        found = bench.opened(server, url, lines=lines, charts=count, height=1300)
        what = f"{count} charts × {lines} runs × {shape.steps:,} points"
        cpu = cpu_of(found)
        bench.note(f"{what}: all drawn", column(found, "all"), 1500, 2500, cpu=cpu)
        held = bench.browser.ask("held")
        bench.note(f"{count} charts × {lines} runs: JS heap", [held["heap_mb"]], 150, 250, "MB")
        hovers = [bench.browser.ask("hover", selector=FIRST) for _ in range(bench.repeats)]
        task = f"main thread {statistics.median(one['task'] for one in hovers):.0f}"
        name = f"hover, {held['charts']} charts in step: script a move"
        bench.note(name, column(hovers, "script"), 4, 8, cpu=task)
        zooms = [
            bench.browser.ask(
                "zoom", selector=FIRST, charts=count, **{"from": 0.3 + at / 50, "to": 0.6}
            )
            for at in range(bench.repeats)
        ]
        bench.note(f"zoom, {count} charts: redrawn", column(zooms, "redrawn"), 100, 200)
        bench.note(f"zoom, {count} charts: refined", column(zooms, "refined"), 400, 800)
        few = bench.opened(server, f"{server.url}{CHARTS}", lines=10, charts=count, height=1300)
        bench.note(
            f"{count} charts × 10 runs: all drawn", column(few, "all"), None, None, cpu=cpu_of(few)
        )
        zooms = [
            bench.browser.ask(
                "zoom", selector=FIRST, charts=count, **{"from": 0.3 + at / 50, "to": 0.6}
            )
            for at in range(bench.repeats)
        ]
        bench.note(f"zoom, {count} charts × 10 runs: redrawn", column(zooms, "redrawn"))
        bench.note(f"zoom, {count} charts × 10 runs: refined", column(zooms, "refined"))


def rows(bench: Bench) -> None:
    """The table of runs: sort and filter, to painted."""
    shape = bench.stores.shape("table")
    fields = [f'metrics."train/m{at}"' for at in range(shape.keys)]
    fields[1:1] = [f"params.p{at}" for at in range(38 - len(fields))]
    columns = quote(",".join(["status", "created", *fields]))
    what = f"table {shape.runs:,} × {len(fields) + 2}"
    with bench.serving("table") as server:
        url = f"{server.url}{RUNS}?v=1&charts=0&cols={columns}"
        found = bench.opened(server, url, rows=10)
        bench.note(f"{what}: rows readable", column(found, "rows"), cpu=cpu_of(found))
        time.sleep(8)
        sorts = []
        for name in ("p1", "p2", "m0") * ((bench.repeats + 2) // 3):
            head = f'[role=columnheader]:has-text("{name}") button'
            sorts.append(bench.browser.ask("rows", click=head))
        bench.note(f"{what}: sort, rows painted", column(sorts, "first"), 150, 300)
        bench.note(f"{what}: sort, no row changes any more", column(sorts, "last"), 150, 300)
        firsts, filters = [], []
        for at in range(bench.repeats):
            # The first search by a field gathers its values; then it is there for good.
            path = f"/api/v1/runs/table?project={quote(PROJECT)}&limit=50&fields=name&where="
            begun = time.perf_counter()
            server.get(path + quote(f"params.p{at % 9 + 1} < 0.5"))
            firsts.append((time.perf_counter() - begun) * 1000)
        name = f"{what}: first search ever by a field, server"
        bench.note(name, list(firsts))
        for at in range(bench.repeats):
            text = f"params.p{at % 9 + 1} < 0.5"  # others each time, so that rows change
            filters.append(
                bench.browser.ask("rows", type={"into": "input[role=combobox]", "text": text})
            )
        bench.note(f"{what}: filter, rows painted", column(filters, "first"), 150, 300)
        bench.note(f"{what}: filter, no row changes any more", column(filters, "last"), 150, 300)
    held = bench.browser.ask("held")
    bench.note(f"{what}: DOM nodes", [held["nodes"]], unit="")
    bench.note(f"{what}: JS heap", [held["heap_mb"]], unit="MB")


def keys(bench: Bench) -> None:
    """A project with very many metrics."""
    shape = bench.stores.shape("keys")
    with bench.serving("keys") as server:
        found = bench.opened(server, server.url + CHARTS, lines=1)
        cpu = cpu_of(found)
        name = f"{shape.keys:,} metric keys: first chart drawn"
        bench.note(name, column(found, "chart"), cpu=cpu)
        held = bench.browser.ask("held")
        bench.note(f"{shape.keys:,} metric keys: charts mounted", [held["charts"]], unit="")
        bench.note(f"{shape.keys:,} metric keys: DOM nodes", [held["nodes"]], unit="")
    with bench.serving("long") as server:
        found = bench.opened(server, server.url + CHARTS, lines=1)
        held = bench.browser.ask("held")
        few = bench.stores.shape("long").keys
        name = f"for comparison {few} metric keys: first chart drawn"
        bench.note(name, column(found, "chart"), cpu=cpu_of(found))
        bench.note(f"for comparison {few} metric keys: DOM nodes", [held["nodes"]], unit="")


def live(bench: Bench, runs: int = 50, count: int = 12) -> None:
    """Runs that are being logged while one looks."""
    seconds, still = 20 + 15 * bench.repeats, 40
    env = bench.stores.env("live")
    script = [sys.executable, str(HERE / "livelog.py"), str(runs), str(count), str(seconds)]
    logger = subprocess.Popen(
        [*script, str(still + 20)], env=env, stdout=subprocess.PIPE, text=True, process_group=0
    )
    try:
        assert logger.stdout is not None
        logger.stdout.readline()
        with notabene(env, bench.stores.folder / "live") as server:
            url = f"{server.url}{CHARTS}?v=1&n={runs}"
            time.sleep(8)
            bench.browser.ask("open", url=url, lines=1, charts=count, height=1300)
            time.sleep(3)
            told, cost = _watched(bench, server, seconds - 20)
            logged = [line.split() for line in iter(logger.stdout.readline, "quiet\n")]
            delays = _delays({int(s): float(t) for s, t in logged}, told)
            time.sleep(4)
            _, rest = _watched(bench, server, still - 10)
    finally:
        logger.terminate()
        logger.wait(30)
    name = f"live, {runs} runs: step logged to visible"
    bench.note(f"{name}, p50", [statistics.median(delays)] if delays else [])
    p95 = [sorted(delays)[int(len(delays) * 0.95)]] if delays else []
    bench.note(f"{name}, p95 of {len(delays)}", list(p95), 1500, 3000)
    for state, one in (("a row a second each", cost), ("nothing new", rest)):
        name = f"live, {runs} running runs × {count} charts, {state}"
        parts = f"page {one['page']:.1f} %, server {one['server']:.1f} %"
        bench.note(f"{name}: CPU", [one["page"] + one["server"]], 5, 10, "% of a core", parts)
        bench.note(f"{name}: bytes", [one["kb"]], 30, 60, "KB/s")


def _watched(bench: Bench, server: Server, seconds: int) -> tuple[list[Any], dict[str, float]]:
    before = server.cpu()
    seen = bench.browser.ask("watch", seconds=seconds)
    share = (server.cpu() - before) / seconds * 100
    return seen["told"], {"page": seen["cpu"] * 100, "server": share, "kb": seen["kb"]}


def _delays(logged: dict[int, float], told: list[Any]) -> list[float]:
    """For each step that was logged while one looked: after how many ms a chart went that far."""
    # A chart that had nothing to tell yet told nothing.
    ends = [
        (int(text.split(" to ")[1].split(",")[0].replace(" ", "")), at) for text, at in told if text
    ]
    if not ends:
        return []
    first, last = min(at for _, at in ends), max(at for _, at in ends)
    out = []
    for step, at in logged.items():
        seen = [when for end, when in ends if end >= step]
        if seen and first / 1000 < at < last / 1000:
            out.append(min(seen) - at * 1000)
    return out


def serving(bench: Bench) -> None:
    """The server alone."""
    name = "huge"
    shape = bench.stores.shape(name)
    metric = quote('-metrics."train/m1"')
    fields = quote('name,status,params.lr,metrics."train/m1"')
    base = f"/api/v1/runs/table?project={quote(PROJECT)}&fields={fields}&limit=50"
    with bench.serving(name) as server:
        for what, path in (
            ("server sort", f"{base}&order={metric}"),
            ("server filter and sort", f"{base}&order={metric}&where={quote('params.lr < 0.01')}"),
        ):
            server.get(path)
            times, before = [], server.cpu()
            for _ in range(bench.repeats):
                begun = time.perf_counter()
                status, _ = server.get(path)
                assert status == 200, status
                times.append((time.perf_counter() - begun) * 1000)
            cpu = f"server {(server.cpu() - before) / bench.repeats * 1000:.0f}"
            title = f"{what} of {shape.runs:,} runs, first 50"
            bench.note(title, list(times), 300, 600, cpu=cpu)
    walls, cpus, sizes, processes = [], [], [], 0
    for _ in range(bench.repeats):
        with notabene(bench.stores.env("many"), bench.stores.place("many")) as server:
            walls.append(server.started["wall_s"])
            cpus.append(server.started["cpu_s"])
            time.sleep(1)
            megabytes, processes = server.memory()
            sizes.append(megabytes)
    bench.note("command to first answer", list(walls), 2, None, "s wall")
    bench.note("command to first answer, CPU", list(cpus), 2, None, "s CPU")
    bench.note(f"server idle, {processes} process", list(sizes), 150, None, "MB")


def peers(bench: Bench) -> None:
    """Pages of other trackers on equal data; where that takes them too long, on less."""
    sizes = {
        "trackio": {"long": SHAPES["long"], "many": SHAPES["few points"]},
        "mlflow": {"one chart": SHAPES["one chart"], "many": SHAPES["few points"]},
    }
    for who, stores in sizes.items():
        if installed(who) is None:
            continue
        for name, whole in stores.items():
            shape = whole.scaled(bench.stores.scale)
            base = bench.stores.folder / f"{who} {name}"
            base.mkdir(parents=True, exist_ok=True)
            server, pages = getattr(pagepeers, who)(base, shape)
            with server:
                _peer(bench, who, f"{who}, {shape.text}", server, pages)
    for name in ("long", "few points", "one chart"):
        with bench.serving(name) as server:
            found = bench.opened(server, server.url + RUNS, rows=10, lines=1)
        text = f"notabene, {bench.stores.shape(name).text}"
        bench.note(f"{text}: first rows", column(found, "rows"), cpu=cpu_of(found))
        bench.note(f"{text}: first chart", column(found, "chart"))
        bench.note(f"{text}: scripts and styles", column(found, "kb"), unit="KB gz")


def _peer(bench: Bench, who: str, text: str, server: Server, pages: dict[str, str]) -> None:
    for what, url in pages.items():
        wanted = {"rows": 10} if what == "rows" else {"rows": 10, "lines": 1}
        try:
            found = bench.opened(server, url, peer=who, **wanted)
        except BrowserError as error:
            print(f"{text}: left out: {error}")
            continue
        if what == "rows":
            bench.note(f"{text}: first rows", column(found, "rows"), cpu=cpu_of(found))
        else:
            bench.note(f"{text}: first chart", column(found, "chart"), cpu=cpu_of(found))
        bench.note(f"{text}: scripts and styles", column(found, "kb"), unit="KB gz")


CHAPTERS: dict[str, tuple[str, Callable[[Bench], None]]] = {
    "weight": ("What is loaded", weight),
    "open": ("Opening a project", opening),
    "charts": ("Charts", charts),
    "table": ("The table of runs", rows),
    "keys": ("Very many metrics", keys),
    "live": ("While runs go on", live),
    "server": ("The server", serving),
    "peers": ("Other trackers' pages", peers),
}


def main() -> None:
    """Run the chapters that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", choices=[[], *CHAPTERS], default=[])
    parser.add_argument("--scale", type=float, default=1.0, help="size of the stores, 1 is full")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--stores", type=Path, help="a folder in which stores are kept")
    given = parser.parse_args()
    if lacking := missing():
        sys.exit(f"pages are not measured: {lacking}")
    here = machine()
    print(f"{here['cpu']}, {here['cores']} cores, Python {here['python']}, load {here['load']:.1f}")
    versions = {name: installed(name) for name in ("notabene", "trackio", "mlflow")}
    versions["playwright"] = json.loads(
        (WEB / "node_modules/@playwright/test/package.json").read_text()
    )["version"]
    print(", ".join(f"{k} {v}" for k, v in versions.items() if v))
    stores = Stores(given.scale, given.stores)
    figures: dict[str, Any] = {}
    try:
        with Browser() as browser:
            for name in given.chapters or CHAPTERS:
                title, chapter = CHAPTERS[name]
                bench = Bench(stores, browser, given.repeats)
                chapter(bench)
                bench.print(title)
                figures[name] = bench.figures
    finally:
        stores.close()
    name = f"{datetime.date.today().isoformat()}-pages"
    if given.chapters or given.scale != 1.0:
        name += "-part"
    print(f"\nkept in {keep(name, {'versions': versions, 'scale': given.scale, **figures})}")


if __name__ == "__main__":
    main()
