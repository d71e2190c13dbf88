from numpy.random import default_rng


class Model:
    def __init__(self, size):
        self.rng = default_rng()
        self.weights = self.rng.standard_normal(size)

    def step(self, batch):
        self.weights -= 0.1 * (self.weights - batch.mean())
        return float((self.weights**2).sum())


model = Model(4)
for i in range(10):
    print("loss=", model.step(model.rng.random(8)), sep="")
