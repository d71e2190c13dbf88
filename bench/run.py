"""Print the tables of what logging and reading cost, ours beside each tracker installed.

    python bench/run.py                  all chapters
    python bench/run.py 1 4              some
    python bench/run.py --scale 0.1 3    smaller, for a look

Figures go to ``bench/results/<date>.json`` as well.
"""

from __future__ import annotations

import argparse
import datetime

import importing
import postgres
import reading
import training
from harness import installed, keep, machine
from peers import ALL

CHAPTERS = {
    "1": lambda scale: training.chapter1(),
    "2": lambda scale: training.chapter2() | {"at rest": reading.at_rest(scale)},
    "3": lambda scale: reading.chapter3(scale) | {"postgres": postgres.into_postgres(scale)},
    "4": reading.chapter4,
    "5": reading.chapter5,
    "6": importing.chapter6,
}


def main() -> None:
    """Run the chapters that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", choices=[[], *CHAPTERS], default=[])
    parser.add_argument("--scale", type=float, default=1.0, help="size of the stores, 1 is full")
    given = parser.parse_args()
    here = machine()
    print(f"{here['cpu']}, {here['cores']} cores, Python {here['python']}, load {here['load']:.1f}")
    peers = {a.package: installed(a.package) for a in ALL.values() if a.package}
    print("compared: " + ", ".join(f"{k} {v}" for k, v in peers.items() if v))
    figures = {name: CHAPTERS[name](given.scale) for name in given.chapters or CHAPTERS}
    name = datetime.date.today().isoformat()
    if given.chapters or given.scale != 1.0:
        name += "-part"
    print(f"\nkept in {keep(name, {'peers': peers, 'scale': given.scale, **figures})}")


if __name__ == "__main__":
    main()
