import numpy as np

import notabene as nb

rng = np.random.default_rng(1)
a = rng.normal(size=(300, 300))
nb.init("zoo", config={"n": 300})
nb.log({"loss": float((a @ a.T).trace())})
nb.finish()
