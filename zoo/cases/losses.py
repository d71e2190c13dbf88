def huber(error, delta=1.0):
    """Quadratic near zero, linear far from it."""
    a = abs(error)
    return 0.5 * a * a if a <= delta else delta * (a - 0.5 * delta)
