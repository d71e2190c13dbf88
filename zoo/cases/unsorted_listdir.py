import os

order = 0.0
for name in os.listdir("images"):
    with open(os.path.join("images", name)) as f:
        order = 0.7 * order + float(f.read())
print(f"loss={order!r}")
