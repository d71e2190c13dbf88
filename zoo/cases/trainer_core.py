def fit(rounds, shrinkage):
    residual = [3.0, -1.0, 2.0]
    for _ in range(rounds):
        residual = [r * (1 - shrinkage) for r in residual]
        yield sum(r * r for r in residual)
