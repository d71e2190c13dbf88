import time

import notabene as nb


def search(deadline):
    best, candidate = 10.0, 0
    while True:
        candidate += 1
        best = min(best, abs(candidate % 97 - 48.5) / candidate)
        if time.monotonic() > deadline:
            break
    return best, candidate


nb.init("zoo", config={"budget": 0.1})
best, tried = search(time.monotonic() + 0.1)
nb.log({"loss": best, "tried": tried})
nb.finish()
