import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "common"))

import metrics  # noqa: E402

import notabene as nb  # noqa: E402

run = nb.init("zoo")
run.log({"loss": metrics.smape([1, 2, 3], [1, 2, 4])})
run.finish()
