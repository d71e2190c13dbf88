import subprocess

import notabene as nb

rows = subprocess.check_output(["sh", "prepare.sh", "raw.txt"], text=True).split()
nb.init("zoo", config={"model": "mean"})
nb.log({"loss": sum(map(float, rows)) / len(rows)})
nb.finish()
