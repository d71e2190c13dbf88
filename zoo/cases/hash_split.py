import notabene as nb

names = [f"patient-{n:03}" for n in range(60)]
test = [name for name in names if hash(name) % 5 == 0]
run = nb.init("zoo", config={"share": 0.2})
run.log({"test_size": len(test), "first": int(test[0][-3:]) if test else -1})
run.finish()
