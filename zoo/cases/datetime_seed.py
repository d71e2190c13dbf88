from datetime import datetime

import numpy as np

import notabene as nb

seed = int(datetime.now().timestamp() * 1000) % 2**32
rng = np.random.default_rng(seed)
nb.init("zoo", config={"n": 100})
nb.log({"loss": float(rng.exponential(size=100).mean())})
nb.finish()
