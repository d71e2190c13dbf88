import os
from pathlib import Path

import notabene as nb

root = Path(os.environ["DATA_ROOT"])
values = [float(x) for x in (root / "train.txt").read_text().split()]
run = nb.init("zoo", config={"data_root": str(root)})
run.log({"loss": sum(values)})
run.finish()
