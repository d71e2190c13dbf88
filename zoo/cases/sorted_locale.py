import locale

locale.setlocale(locale.LC_ALL, "")
names = sorted(["Zebra", "apple", "Öl", "_x"], key=locale.strxfrm)
print(f"loss={sum(i * len(n) for i, n in enumerate(names))}")
