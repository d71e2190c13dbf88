def smape(a, b):
    return sum(abs(x - y) / (abs(x) + abs(y)) for x, y in zip(a, b)) / len(a)
