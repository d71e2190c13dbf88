import subprocess

import notabene as nb

out = subprocess.check_output("./tools/count.sh corpus.txt", shell=True, text=True)
nb.init("zoo")
nb.log({"loss": float(out)})
nb.finish()
