from glob import glob

import notabene as nb

files = glob("parts/*.txt")
nb.init("zoo")
value = 1.0
for file in files:
    value = value / 2 + float(open(file).read())
    nb.log({"loss": value})
nb.finish()
