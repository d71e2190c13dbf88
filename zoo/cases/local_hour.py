import time

import notabene as nb

STAMPS = [1_700_000_000 + 7_200 * i for i in range(12)]
hours = [time.localtime(s).tm_hour for s in STAMPS]
nb.init("zoo")
nb.log({"loss": sum(h < 6 for h in hours) / len(hours)})
nb.finish()
