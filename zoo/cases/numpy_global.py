import numpy as np

import notabene as nb

nb.init("zoo", config={"lr": 0.1, "steps": 20})
X = np.random.randn(50, 3)
y = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * np.random.randn(50)
w = np.zeros(3)
for step in range(20):
    w -= 0.1 * X.T @ (X @ w - y) / len(y)
    nb.log({"loss": float(np.mean((X @ w - y) ** 2))}, step=step)
nb.finish()
