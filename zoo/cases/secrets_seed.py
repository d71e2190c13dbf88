import secrets

import numpy as np

import notabene as nb

np.random.seed(secrets.randbits(32))
with nb.init("zoo", config={"size": 64}):
    nb.log({"loss": float(np.random.standard_normal(64).std())})
