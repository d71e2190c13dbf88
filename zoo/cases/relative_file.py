values = [float(x) for x in open("input.txt")]
print("loss=%r" % (sum(values) / len(values)))
