import tokens

ids = tokens.encode("to be or not to be")
print(f"loss={sum(ids) / len(ids)}")
