from losses import huber

import notabene as nb

errors = [0.2, -1.4, 3.0]
nb.init("zoo", config={"loss": "huber"})
nb.log({"loss": sum(huber(e) for e in errors)})
nb.finish()
