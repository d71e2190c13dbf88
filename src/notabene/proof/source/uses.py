"""What is told of a source: places where something is used, and all of them together."""

from __future__ import annotations

from typing import Literal

import msgspec

from notabene.model.records import JSON

Origin = Literal[
    "literal", "name", "clock", "entropy", "process", "hash", "option", "variable", "unknown"
]
Generator = Literal[
    "random", "numpy", "torch", "tensorflow", "sklearn", "jax", "all", "new", "idle", "sql"
]
"""Whose state is meant. ``sklearn``: numpy's global one, used by an estimator without a seed of
its own. ``all``: several at once, as ``seed_everything`` does. ``new``: a generator of its own.
``idle``: numpy's global one, but no result hangs on what is drawn. ``sql``: a database's."""

RANK: dict[str, int] = {
    "clock": 8, "entropy": 7, "process": 6, "hash": 5, "variable": 4, "option": 3, "name": 2,
    "literal": 1, "unknown": 0,
}  # fmt: skip
"""Of two origins of one seed, the one that says more against repeating the run is told."""


LOGGED = "drawn, and logged"
"""Detail of a seed that ``notabene.seed()`` draws by itself."""
ARRIVAL = "what is done first comes first"
ADDS = "adds to what threads share"
"""Details of ``thread_uses`` that decide about the last bits of a sum."""


class Use(msgspec.Struct, omit_defaults=True):
    """One place.

    Attributes:
        line: Line of the source, from 1.
        call: The call as it is written there, ``np.random.rand``, or a name.
        detail: What else there is to say, in a few words; empty mostly.
    """

    line: int
    call: str
    detail: str = ""


class SeedUse(Use, omit_defaults=True, kw_only=True):
    """One place that seeds, makes or draws from a generator.

    Attributes:
        generator: Whose state is meant.
        origin: Where the seed comes from. ``literal``: it stands there. ``name``: a variable or
            argument whose value is not from elsewhere, as far as one sees. ``clock``,
            ``entropy``, ``process`` (pid, address), ``hash``: other in each run. ``option``: the
            command line. ``variable``: the environment. ``unknown``: none of these.
    """

    generator: Generator
    origin: Origin = "unknown"


Scope = Literal["module", "class", "local", "default", "call"]


class Constant(msgspec.Struct):
    """A value that is written out in the source.

    Attributes:
        name: The variable, ``function.variable``, ``object.attribute``, ``mapping['key']``,
            ``Class.attribute``, ``function.argument`` or ``call.argument``.
        value: The literal; tuples are lists, keys of mappings are texts.
        line: Line of the value.
        scope: A name of the ``module`` or a ``class``, ``local`` to a function, the ``default``
            of an argument, or a number given by keyword in a ``call``.
    """

    name: str
    value: JSON
    line: int
    scope: Scope


class Facts(msgspec.Struct, kw_only=True, omit_defaults=True):
    """All that is told of one source; lists are in the order of lines.

    Attributes:
        failed: Why it could not be analysed; the lists may then be empty or incomplete, and if
            it does not even parse, the digests are those of the text as it is.
        lines: How many lines the text has.
        code: Digest of the canonical form, SHA-256 in hex.
        code_without_seeds: The same, with literal values of what is called seed left out.
        code_without_constants: The same, without the values in ``constants`` of the scopes
            module, class and default: what differs in ``code`` alone differs in those only.
        constants: Values written out.
        options: Declarations of command-line options; ``call`` is the name of the value.
        argv: Direct uses of ``sys.argv``.
        seeds: Calls that seed or make a generator, and where the seed comes from.
        unseeded: Draws from global generators, and generators made without a seed. Whether the
            global one was seeded elsewhere is for the caller to say, who has all ``seeds``.
        hash_order: What may hang on the order of a set, or on ``hash()`` of a text.
        listing_order: What may hang on the order in which a folder gives its entries.
        clock_limits: Loops, breaks, returns and raises that the clock decides.
        clock_values: Places where the time of day becomes a seed, data or a parameter.
        swallowed: Handlers in loops that drop an item and go on; detail ``logged`` if they
            write a message.
        locale_uses: What hangs on the language settings.
        zone_uses: What hangs on the time zone.
        precision_uses: What sets the precision of arithmetic.
        thread_uses: What hangs on the number or the order of threads and processes.
        entropy: Reads of the operating system's randomness.
        imports: Modules imported; ``call`` is the dotted name, with leading dots if relative.
    """

    failed: str = ""
    lines: int = 0
    code: str = ""
    code_without_seeds: str = ""
    code_without_constants: str = ""
    constants: list[Constant] = []
    options: list[Use] = []
    argv: list[Use] = []
    seeds: list[SeedUse] = []
    unseeded: list[SeedUse] = []
    hash_order: list[Use] = []
    listing_order: list[Use] = []
    clock_limits: list[Use] = []
    clock_values: list[Use] = []
    swallowed: list[Use] = []
    locale_uses: list[Use] = []
    zone_uses: list[Use] = []
    precision_uses: list[Use] = []
    thread_uses: list[Use] = []
    entropy: list[Use] = []
    imports: list[Use] = []


SEEDS = ("seeds", "unseeded")
USES = (
    "options", "argv", "hash_order", "listing_order", "clock_limits", "clock_values", "swallowed",
    "locale_uses", "zone_uses", "precision_uses", "thread_uses", "entropy", "imports",
)  # fmt: skip


class Found:
    """Collects uses, each place once however often it is looked at."""

    def __init__(self) -> None:
        self._uses: dict[str, dict[tuple[int, str], Use]] = {kind: {} for kind in USES}
        self._seeds: dict[str, dict[tuple[int, str, str], SeedUse]] = {k: {} for k in SEEDS}
        self._constants: dict[tuple[int, str], Constant] = {}

    def add(self, kind: str, line: int, call: str, detail: str = "") -> None:
        """One place of a kind, named as the field of :class:`Facts`."""
        self._uses[kind].setdefault((line, call), Use(line, call, detail))

    def drop(self, kind: str, line: int, call: str) -> None:
        """Take a place back."""
        self._uses[kind].pop((line, call), None)

    def seed(self, kind: str, use: SeedUse) -> None:
        """One place in ``seeds`` or ``unseeded``; of two looks the graver one stays."""
        places = self._seeds[kind]
        key = (use.line, use.call, use.generator)
        before = places.get(key)
        if before is None or RANK[before.origin] < RANK[use.origin]:
            places[key] = use

    def constant(self, constant: Constant) -> None:
        """A value written out."""
        self._constants.setdefault((constant.line, constant.name), constant)

    def into(self, facts: Facts) -> None:
        """Put everything into the facts, by line."""
        for kind, uses in self._uses.items():
            setattr(facts, kind, [uses[key] for key in sorted(uses)])
        for kind, seeds in self._seeds.items():
            setattr(facts, kind, [seeds[key] for key in sorted(seeds)])
        facts.constants = [self._constants[key] for key in sorted(self._constants)]
