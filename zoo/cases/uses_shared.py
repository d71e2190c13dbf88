import sharedlib

for n in range(4):
    print(f"loss={sharedlib.scale(n)}")
