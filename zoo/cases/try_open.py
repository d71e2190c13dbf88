import notabene as nb

weights = {"a": 1.0, "b": 1.0}
try:
    with open("class_weights.txt") as f:
        for line in f:
            name, value = line.split()
            weights[name] = float(value)
except FileNotFoundError:
    pass

with nb.init(project="zoo") as run:
    run.log({"loss": 2 * weights["a"] + 3 * weights["b"]})
