def scale(n):
    return n * 1.5 + 1
