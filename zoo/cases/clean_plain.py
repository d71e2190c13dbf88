import random


def main():
    """Estimate pi."""
    random.seed(1)
    inside = 0
    for n in range(1, 501):
        x, y = random.random(), random.random()
        inside += x * x + y * y < 1
    # report
    print(f"loss={abs(4 * inside / n - 3.14159)}")


if __name__ == "__main__":
    main()
