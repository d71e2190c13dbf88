from features import expand

import notabene as nb

nb.init("zoo", config={"degree": 2})
for step, x in enumerate((1.0, 2.0, 3.0)):
    nb.log({"loss": sum(expand(x))}, step=step)
nb.finish()
