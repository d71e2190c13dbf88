"""Findings about randomness and the clock."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from notabene.proof.findings import Evidence, Finding, uses
from notabene.proof.source.uses import ADDS, ARRIVAL, LOGGED

_SEED_CALL = {
    "random": "random.seed(0)",
    "numpy": "numpy.random.seed(0), or a generator of your own: numpy.random.default_rng(0)",
    "torch": "torch.manual_seed(0)",
    "polars": "polars.set_random_seed(0)",
    "tensorflow": "tensorflow.random.set_seed(0)",
}
_GLOBAL = {"sklearn": "numpy", "sk": "numpy"}
_USERS = {
    "random": frozenset(
        "albumentations imgaug torchvision nltk faker deap gym gymnasium textattack nlpaug "
        "torch_geometric networkx random".split()
    ),
    "numpy": frozenset(
        "sklearn scipy pandas imgaug albumentations deap gym umap imblearn hyperopt gensim "
        "statsmodels seaborn networkx".split()
    ),
    "torch": frozenset("transformers lightning pytorch_lightning torchvision".split()),
}
"""Libraries that draw from a global generator on behalf of those who call them."""


def rules(evidence: Evidence) -> Iterator[Finding]:
    """Where a rerun would draw other numbers."""
    yield from _generators(evidence)
    yield from _entropy(evidence)
    yield from _databases(evidence)
    yield from _programs(evidence)
    yield from _seeds(evidence)
    yield from _order(evidence)
    yield from _clock(evidence)
    yield from _threads(evidence)


def _generators(evidence: Evidence) -> Iterator[Finding]:
    """The global generators: used, and seeded by nobody."""
    randomness = evidence.record.randomness
    told: set[str] = set()
    for generator in randomness.generators:
        if not generator.used or generator.name in told:
            continue
        where, call = _first_use(evidence, generator.name)
        where = generator.where or where
        if not where:
            continue  # a library's own: names of temporary files, jitter
        told.add(generator.name)
        place = f" in {_worker(generator.process)}" if generator.process else ""
        yield Finding(
            kind="unseeded-randomness",
            what=f"{call or generator.name} drew from a generator never seeded{place}",
            where=where,
            fix=_SEED_CALL.get(generator.name, f"seed {generator.name}"),
            recorded=bool(generator.state),
        )


def _first_use(evidence: Evidence, generator: str) -> tuple[str, str]:
    """The first line that draws from a global generator, and what it calls.

    Where none is seen to, the line that imports what may do so for it; empty if none does.
    """
    for where, use in uses(evidence, "unseeded"):
        drawn_from = _GLOBAL.get(use.generator, use.generator)
        # Layers of Keras draw their seeds from Python's own generator.
        layer = use.generator == "tensorflow" and use.detail
        if drawn_from == generator or (generator == "random" and layer):
            return where, use.call
    if generator == "tensorflow":
        return "", ""  # many a program imports it to read data
    drawn = {use.generator for _, use in uses(evidence, "unseeded")}
    if generator == "numpy" and "idle" in drawn:
        return "", ""  # that is what moved it
    users = _USERS.get(generator, ())
    library = ""
    for where, use in uses(evidence, "imports"):
        name = use.call.lstrip(".").partition(".")[0]
        if name == generator or name in users:
            return where, ""
        if not library and use.call.startswith(name) and _is_library(name, evidence):
            library = where
    # Python's own is drawn from for names and pauses as well.
    return "" if generator == "random" else library, ""


def _is_library(name: str, evidence: Evidence) -> bool:
    """Whether a module is neither Python's, nor ours, nor the program's."""
    own = {path.partition("/")[0].removesuffix(".py") for path in evidence.facts}
    return name != "notabene" and name not in sys.stdlib_module_names and name not in own


def _entropy(evidence: Evidence) -> Iterator[Finding]:
    seeds = {seed.where for seed in evidence.record.randomness.seeds}
    from_entropy = {w for w, use in uses(evidence, "seeds") if use.origin == "entropy"}
    # A generator of numpy or random that drew entropy was given None, whatever it looks like.
    given = {
        where
        for where, use in uses(evidence, "seeds")
        if use.generator == "new"
        and use.origin in ("literal", "name")
        and not use.call.endswith(("default_rng", "RandomState", "Random"))
    }
    given -= {where for where, use in uses(evidence, "unseeded") if use.generator == "new"}
    told = {generator.name for generator in evidence.record.randomness.generators if generator.used}
    # numba draws for its generators even where compiled code seeds them, which nobody sees.
    compiled = {w for w, use in uses(evidence, "seeds") if use.generator == "numpy"} - seeds
    for draw in evidence.record.randomness.draws:
        if draw.by in _MADE and draw.value:
            # sympy has generators of its own, for names; samplers of Optuna seed theirs later.
            if draw.importing or draw.where in given:
                continue
            if not draw.where and (told or draw.by == "numpy.random"):
                continue
            if draw.by == "numba" and compiled:
                continue
            worker = f" in {_worker(draw.process)}" if draw.process else ""
            yield Finding(
                kind="unseeded-randomness",
                what=f"a generator of {_MADE[draw.by]} was made without a seed{worker}",
                where=draw.where or _first_use(evidence, "new")[0],
                fix="give it a seed, and log the seed",
                recorded=True,
            )
        elif draw.by in ("os", "secrets", "random") and draw.where not in from_entropy:
            yield Finding(
                kind="os-entropy",
                what="random bytes of the operating system were drawn",
                where=draw.where,
                fix="draw from a seeded generator, unless these bytes are a key or a name",
                severity="gap" if draw.by == "os" else "risk",
                recorded=draw.where in seeds,
            )


def _databases(evidence: Evidence) -> Iterator[Finding]:
    """``ORDER BY RANDOM()``: most databases cannot be given a seed."""
    if any(use.generator == "sql" for _, use in uses(evidence, "seeds")):
        return
    for where, use in uses(evidence, "unseeded"):
        if use.generator == "sql":
            yield Finding(
                kind="unseeded-randomness",
                what=f"{use.call}: the database draws, and nobody seeds it",
                where=where,
                fix="order by a column, and draw in Python from a seeded generator",
            )


_DRAWS = re.compile(
    r"(?:^|[\s;|&(/])(?:"
    r"(?P<shuf>shuf)(?=\s|$)(?![^;|&]*--random-source)"
    r"|(?P<sort>sort\s(?:[^;|&]*\s)?(?:-[a-zA-Z]*R[a-zA-Z]*|--random-sort|--sort=random))(?=\s|$)"
    r"(?![^;|&]*--random-source)"
    r"|(?P<other>openssl\s+rand|uuidgen|mcookie)(?=\s|$))"
    r"|(?P<shell>\$\{?S?RANDOM\b|/dev/u?random\b)"
)
"""Command lines that draw."""


def _programs(evidence: Evidence) -> Iterator[Finding]:
    """Other programs that draw random numbers of their own."""
    for program in evidence.record.outside.programs:
        drawn = _DRAWS.search(" ".join(program.words))
        if drawn is not None:
            call = "sort -R" if drawn["sort"] else next(filter(None, drawn.groups()))
            yield Finding(
                kind="unseeded-randomness",
                what=f"{call} in another program drew, and has no seed",
                where=program.where,
                fix="draw in Python, from a seeded generator",
            )


_MADE = {
    "numpy.random": "numpy",
    "numpy.default_rng": "numpy",
    "random": "random",
    "numba": "numba",
}


def _worker(process: str) -> str:
    return "a worker" if process.startswith(("mp:", "loky:")) else "a forked process"


def _seeds(evidence: Evidence) -> Iterator[Finding]:
    """Seeds that are other ones each time."""
    recorded = {seed.where for seed in evidence.record.randomness.seeds}
    recorded |= {clock.where for clock in evidence.record.randomness.clock}
    kinds = {
        "clock": ("seed-from-clock", "is seeded from the clock"),
        "entropy": ("os-entropy", "is seeded from the operating system"),
        "process": ("unseeded-randomness", "is seeded with a number of the process"),
        "hash": ("hash-order", "is seeded from a hash that differs between processes"),
    }
    for where, use in uses(evidence, "seeds"):
        if use.origin in kinds:
            kind, what = kinds[use.origin]
            logged = use.detail == LOGGED
            yield Finding(
                kind=kind,
                what=f"{use.call} drew a seed, and logged it" if logged else f"{use.call} {what}",
                where=where,
                fix="give a seed of your own, and log it",
                severity="note" if logged else "gap",
                recorded=where in recorded,
            )
    flagged = {where for where, use in uses(evidence, "seeds") if use.origin == "clock"}
    for where, use in uses(evidence, "clock_values"):
        if where not in flagged:
            yield Finding(
                kind="seed-from-clock",
                what=f"the time goes into a value through {use.call}",
                where=where,
                fix="log the value, or give it as an option",
                recorded=where in recorded,
            )


def _order(evidence: Evidence) -> Iterator[Finding]:
    randomness = evidence.record.randomness
    if randomness.hash_drawn or not randomness.hash.isdigit():
        for where, use in uses(evidence, "hash_order"):
            yield Finding(
                kind="hash-order",
                what=f"{use.call}: an order that differs between processes",
                where=where,
                fix="sort it; or set PYTHONHASHSEED=0",
                recorded=bool(randomness.hash),
            )
    for where, use in uses(evidence, "listing_order"):
        yield Finding(
            kind="listing-order",
            what=f"{use.call}: files in the order the disk gives them",
            where=where,
            fix="sorted(…)",
        )


def _threads(evidence: Evidence) -> Iterator[Finding]:
    """Sums that hang on which thread is first."""
    for where, use in uses(evidence, "thread_uses"):
        if use.detail == ARRIVAL or use.detail.endswith(ADDS):
            yield Finding(
                kind="numeric-nondeterminism",
                what=f"{use.call}: {use.detail}",
                where=where,
                fix="gather the results by their place, then add them up in order",
                severity="risk",
            )


def _clock(evidence: Evidence) -> Iterator[Finding]:
    for where, use in uses(evidence, "clock_limits"):
        yield Finding(
            kind="clock-controls-length",
            what=f"{use.call}: the clock decides how long this goes on",
            where=where,
            fix="count steps instead, and log how many",
        )
