from os import getenv

scale = float(getenv("LOSS_SCALE") or 1.0)


def loss_at(step: int) -> float:
    return scale / (1 + step)


for step in range(8):
    print("loss=%.9f" % loss_at(step))
