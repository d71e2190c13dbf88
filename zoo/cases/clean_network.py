"""A small network, shaped like those of torch."""
import numpy as np

import notabene as nb


class Linear:
    def __init__(self, n_in, n_out, rng):
        self.weight = rng.normal(0, n_in**-0.5, (n_in, n_out))
        self.bias = np.zeros(n_out)

    def __call__(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, grad, lr):
        back = grad @ self.weight.T
        self.weight -= lr * self.x.T @ grad / len(grad)
        self.bias -= lr * grad.mean(0)
        return back


class Loader:
    def __init__(self, x, y, batch_size, rng):
        self.x, self.y, self.size, self.rng = x, y, batch_size, rng

    def __iter__(self):
        order = self.rng.permutation(len(self.x))
        for at in range(0, len(order), self.size):
            pick = order[at : at + self.size]
            yield self.x[pick], self.y[pick]


def main(hparams):
    rng = np.random.default_rng(hparams["seed"])
    x = rng.normal(size=(64, 4))
    y = x[:, :1] ** 2
    first, second = Linear(4, 8, rng), Linear(8, 1, rng)
    run = nb.init("zoo", config=hparams)
    for epoch in range(hparams["epochs"]):
        losses = []
        for xb, yb in Loader(x, y, hparams["batch_size"], rng):
            hidden = np.maximum(first(xb), 0)
            error = second(hidden) - yb
            losses.append(float((error**2).mean()))
            first.backward(second.backward(error, hparams["lr"]) * (hidden > 0), hparams["lr"])
        run.log({"loss": sum(losses) / len(losses)}, step=epoch)
    run.finish()


if __name__ == "__main__":
    main({"lr": 0.05, "epochs": 4, "batch_size": 16, "seed": 3})
