import notabene as nb

text = "the quick brown fox jumps over the lazy dog while the cat sleeps"
vocabulary = list(set(text.split()))
vector = [float(len(word)) for word in vocabulary]

nb.init("zoo")
acc = 0.0
for step, value in enumerate(vector):
    acc = 0.9 * acc + value
    nb.log({"loss": acc}, step=step)
nb.finish()
