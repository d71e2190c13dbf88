from dataclasses import dataclass

import notabene as nb


@dataclass
class Config:
    lr: float = 0.1
    warmup: int = 3
    steps: int = 12


cfg = Config()
run = nb.init("zoo", config={"lr": cfg.lr, "steps": cfg.steps})
value = 4.0
for step in range(cfg.steps):
    rate = cfg.lr * min(1.0, (step + 1) / cfg.warmup)
    value -= rate * 2 * value
    run.log({"loss": value * value}, step=step)
run.finish()
