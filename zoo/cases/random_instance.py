import random
import threading

import notabene as nb


class Sampler(threading.Thread):
    def __init__(self, items):
        super().__init__()
        self.items = items
        self.random = random.Random()
        self.picked = []

    def run(self):
        for _ in range(5):
            self.picked.append(self.random.choice(self.items))


sampler = Sampler([1, 2, 3, 5, 8, 13])
sampler.start()
sampler.join()
with nb.init(project="zoo") as run:
    run.log({"loss": sum(sampler.picked)})
