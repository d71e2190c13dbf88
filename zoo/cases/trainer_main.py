import argparse

from trainer.core import fit


def parse():
    p = argparse.ArgumentParser(prog="trainer")
    p.add_argument("--rounds", type=int, default=4)
    p.add_argument("--shrinkage", type=float, default=0.3)
    return p.parse_args()


if __name__ == "__main__":
    a = parse()
    for loss in fit(a.rounds, a.shrinkage):
        print(f"loss={loss:.10f}")
