import sys

import notabene

depth = int(sys.argv[1])
rate = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5

run = notabene.init(project="zoo")
x = 1.0
for i in range(depth):
    x *= rate
    run.log({"loss": x})
run.finish()
