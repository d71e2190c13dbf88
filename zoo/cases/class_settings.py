import math


class Settings:
    width = 8
    dropout = 0.1
    epochs = 6


def epoch(number, settings):
    return math.exp(-number / settings.width) * (1 + settings.dropout)


def main():
    settings = Settings()
    for number in range(settings.epochs):
        print(f"epoch {number} loss={epoch(number, settings):.10f}")


main()
