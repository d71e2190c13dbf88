"""Calls that seed generators, make them, or draw from those that all of a program share."""

from __future__ import annotations

import ast
from typing import Final

from notabene.proof.source import values as v
from notabene.proof.source.calls import Call
from notabene.proof.source.estimators import without_seed
from notabene.proof.source.known import DATA, ENTROPY, NUMERIC_DATA
from notabene.proof.source.literals import is_literal, is_seed_name
from notabene.proof.source.uses import LOGGED, Found, Generator, Origin, SeedUse
from notabene.proof.source.values import PLAIN, Value

_ORIGINS: Final[tuple[tuple[int, Origin], ...]] = (
    (v.CLOCK | v.SPAN | v.PART, "clock"),
    (v.ENTROPY | v.UUID, "entropy"),
    (v.PROCESS, "process"),
    (v.HASH, "hash"),
    (v.VARIABLE, "variable"),
    (v.OPTION | v.ARGUMENTS, "option"),
)
_SEEDING: Final[dict[str, Generator]] = {
    "random.seed": "random",
    "numpy.random.seed": "numpy",
    "torch.manual_seed": "torch",
    "torch.seed": "torch",
    "torch.random.manual_seed": "torch",
    "torch.cuda.manual_seed": "torch",
    "torch.cuda.manual_seed_all": "torch",
    "torch.mps.manual_seed": "torch",
    "tensorflow.random.set_seed": "tensorflow",
    "tensorflow.set_random_seed": "tensorflow",
    "tensorflow.compat.v1.set_random_seed": "tensorflow",
    "tensorflow.compat.v1.random.set_random_seed": "tensorflow",
    "tensorflow.keras.utils.set_random_seed": "all",
    "keras.utils.set_random_seed": "all",
    "jax.random.PRNGKey": "jax",
    "jax.random.key": "jax",
    "notabene.seed": "all",
}
"""Calls that seed by their first argument."""
_MAKING: Final = {
    "random.Random", "numpy.random.default_rng", "numpy.random.RandomState",
    "numpy.random.SeedSequence", "numpy.random.PCG64", "numpy.random.PCG64DXSM",
    "numpy.random.MT19937", "numpy.random.Philox", "numpy.random.SFC64",
    "tensorflow.random.Generator.from_seed",
    "tensorflow.random.Generator.from_non_deterministic_state",
}  # fmt: skip
"""Calls that make a generator, seeded by their first argument."""
_SEED_WORDS: Final = {
    "set_seed", "seed_everything", "seed_all", "set_random_seed", "set_seeds", "fix_seed",
    "setup_seed", "init_seed", "init_seeds", "set_global_seed", "same_seeds", "set_all_seeds",
    "set_random_seeds", "set_determinism", "seed_everywhere", "fix_seeds",
    "enable_full_determinism",
}  # fmt: skip
"""What such functions of other modules are called; they seed several generators at once."""

_RANDOM: Final = frozenset(
    "random randint randrange choice choices shuffle sample uniform triangular betavariate"
    " expovariate gammavariate gauss lognormvariate normalvariate vonmisesvariate paretovariate"
    " weibullvariate getrandbits randbytes binomialvariate".split()
)
_NUMPY: Final = frozenset(
    "rand randn randint random random_sample ranf sample choice shuffle permutation bytes"
    " random_integers uniform normal standard_normal beta binomial chisquare dirichlet exponential"
    " f gamma geometric gumbel hypergeometric laplace logistic lognormal logseries multinomial"
    " multivariate_normal negative_binomial noncentral_chisquare noncentral_f pareto poisson power"
    " rayleigh standard_cauchy standard_exponential standard_gamma standard_t triangular vonmises"
    " wald weibull zipf".split()
)
_TORCH: Final = frozenset(
    "rand randn randint randperm rand_like randn_like randint_like normal bernoulli multinomial"
    " poisson dropout feature_dropout alpha_dropout rrelu".split()
)
_LAYERS: Final = frozenset(
    "Linear Bilinear LazyLinear Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d"
    " ConvTranspose3d LazyConv1d LazyConv2d RNN LSTM GRU RNNCell LSTMCell GRUCell Embedding"
    " EmbeddingBag MultiheadAttention Transformer TransformerEncoder TransformerDecoder"
    " TransformerEncoderLayer TransformerDecoderLayer Dropout Dropout1d Dropout2d Dropout3d"
    " AlphaDropout FeatureAlphaDropout RReLU".split()
)
_IN_PLACE: Final = frozenset(
    "normal_ uniform_ random_ bernoulli_ exponential_ cauchy_ log_normal_ geometric_".split()
)
_TENSORFLOW: Final = frozenset(
    "normal uniform truncated_normal shuffle categorical gamma poisson random_normal"
    " random_uniform stateless_shuffle".split()
)
_KERAS_LAYERS: Final = frozenset(
    "Dense Conv1D Conv2D Conv3D LSTM GRU SimpleRNN Embedding Dropout SpatialDropout1D"
    " SpatialDropout2D GaussianNoise GaussianDropout MultiHeadAttention SeparableConv2D"
    " DepthwiseConv2D Conv2DTranspose RandomFlip RandomRotation RandomZoom RandomCrop".split()
)
_COMPUTED: Final = frozenset("sin cos tan exp log log2 log10 sqrt tanh pow fmod mod".split())
"""Functions of numbers: what they make of the time of day is no name and no duration."""
SHARED_DRAWS: Final = {f"random.{word}" for word in _RANDOM} | {
    f"numpy.random.{word}" for word in _NUMPY
}
_DATA_TORCH: Final = {"random_split", "RandomSampler", "WeightedRandomSampler"}


def look(call: Call, found: Found) -> Value | None:
    """Note what a call does with randomness.

    Returns:
        What it gives, if that is a generator or drawn from one; None otherwise.
    """
    if call.path in ENTROPY:
        found.add("entropy", *call.at)
    _data(call, found)
    result = _seeding(call, found)
    if result is None:
        drawn = _drawn_from(call)
        if drawn is not None:
            generator, detail = drawn
            use = SeedUse(*call.at, detail, generator=generator)
            found.seed("unseeded", use)
            numbers = v.NUMBERS | v.NUMBER if call.path in NUMERIC_DATA else 0
            result = Value(v.DRAWN | numbers, call.at)
    _by_keyword(call, found)
    return result


def origin_of(value: Value, node: ast.expr | None) -> Origin:
    """Where a seed comes from."""
    for marks, origin in _ORIGINS:
        if value.marks & marks:
            return origin
    if value.marks & v.DRAWN or node is None:
        return "unknown"
    if is_literal(node):
        return "literal"
    names = (ast.Name, ast.Attribute, ast.Subscript)
    if isinstance(node, names) or any(isinstance(n, names) for n in ast.walk(node)):
        return "unknown" if isinstance(node, ast.Call) and not value.marks else "name"
    return "literal" if value.marks & v.LITERAL else "unknown"


def _seeding(call: Call, found: Found) -> Value | None:
    path = call.path
    if path in _MAKING:
        _made(call, found)
        return Value(v.OWN, call.at)
    if path == "torch.Generator":
        return Value(v.OWN, call.at)
    if path == "numpy.random.Generator":
        return Value(v.OWN, call.at)
    generator = _SEEDING.get(path)
    if generator is None:
        if call.name in _SEED_WORDS and (call.receiver is None or call.node.args):
            generator = "all"
        elif _seeds_a_generator(call):
            generator = "new"
        else:
            return None
    node = call.argument(0, "seed", "a", "x", "worker_seed")
    value = call.given(0, "seed", "a", "x") or PLAIN
    if node is None or _is_none(node) or value.is_none():
        if path == "notabene.seed":
            found.seed("seeds", SeedUse(*call.at, LOGGED, generator="all", origin="entropy"))
        elif generator != "all":
            detail = "no seed given: the operating system's"
            found.seed("seeds", SeedUse(*call.at, detail, generator=generator, origin="entropy"))
        else:
            found.seed("seeds", SeedUse(*call.at, "default seed", generator=generator))
    else:
        _told(call, value, node, generator, found)
    given = bool(call.node.args or call.node.keywords)
    return (call.receiver or PLAIN).only(v.OWN) if generator == "new" and given else PLAIN


def _seeds_a_generator(call: Call) -> bool:
    """``something.seed(3)``, and of a generator ``seed()``, which takes one that nobody knows."""
    if call.path or call.name not in {"manual_seed", "seed", "seed_"}:
        return False
    own = call.receiver is not None and bool(call.receiver.marks & v.OWN)
    return bool(call.node.args) or (own and call.name == "seed" and not call.node.keywords)


def _made(call: Call, found: Found) -> None:
    """A generator of its own is made."""
    node = call.argument(0, "seed", "x", "entropy", "key")
    value = call.given(0, "seed", "x", "entropy", "key") or PLAIN
    if call.starred and node is None:
        return
    unseeded = node is None or _is_none(node) or value.is_none()
    if node is None or unseeded or call.name == "from_non_deterministic_state":
        use = SeedUse(*call.at, "no seed", generator="new", origin="entropy")
        found.seed("unseeded", use)
    elif not value.marks & v.OWN:
        _told(call, value, node, "new", found)


def _told(
    call: Call, value: Value, node: ast.expr, generator: Generator, found: Found, detail: str = ""
) -> None:
    origin = origin_of(value, node)
    if value.marks & v.DRAWN and not detail:
        detail = "drawn from another generator"
    elif origin not in {"literal", "name", "unknown"} and value.at is not None:
        line, source = value.at
        detail = source if line == node.lineno else f"{source}, line {line}"
    found.seed("seeds", SeedUse(*call.at, detail, generator=generator, origin=origin))
    if origin == "clock":
        source = value.at[1] if value.at else "clock"
        found.add("clock_values", call.node.lineno, source, f"as seed of {call.written}")
    if value.marks & v.UUID:
        found.add("entropy", call.node.lineno, value.at[1] if value.at else "uuid", "as seed")


def _by_keyword(call: Call, found: Found) -> None:
    """``Estimator(random_state=seed)``, and the same in mappings of parameters."""
    if call.path in _SEEDING or call.path in _MAKING or call.name in _SEED_WORDS:
        return
    for keyword in call.node.keywords:
        name, node = keyword.arg, keyword.value
        if name is None or not is_seed_name(name) or _is_none(node):
            continue
        value = call.keywords.get(name, PLAIN)
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            continue
        if call.path == "dict":
            mapping_seed(node.lineno, name, value, found)
            continue
        if call.name in {"add_argument", "option", "Option", "Field", "field", "init"}:
            continue
        if not value.marks & v.OWN:
            _told(call, value, node, "new", found)


def mapping_seed(line: int, key: str, value: Value, found: Found) -> None:
    """Note ``{"seed": int(time.time())}``: parameters that a library is given as a mapping."""
    if is_seed_name(key) and value.marks & (v.CLOCK | v.SPAN | v.ENTROPY | v.PROCESS | v.HASH):
        line, source = value.at or (line, "clock")
        origin = origin_of(value, None)
        use = SeedUse(line, source, f"under the key {key!r}", generator="new", origin=origin)
        found.seed("seeds", use)
        if origin == "clock":
            found.add("clock_values", line, source, f"under the key {key!r}")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _drawn_from(call: Call) -> tuple[Generator, str] | None:
    """Which shared generator a call draws from, and what it lacks."""
    path, name = call.path, call.name
    if not path:
        return _method_draw(call)
    if path.startswith("random.") and path[7:] in _RANDOM:
        return "random", ""
    if path.startswith("numpy.random.") and path[13:] in _NUMPY:
        return "numpy", ""
    if path.startswith(("torch.", "lightning.", "pytorch_lightning.")):
        return _torch_draw(call)
    if path.startswith(("tensorflow.", "keras.")):
        seeded = any(is_seed_name(k) for k in call.keywords)
        if ".random." in path and "stateless" not in name and name in _TENSORFLOW and not seeded:
            return "tensorflow", ""
        if ".layers." in path and name in _KERAS_LAYERS and not seeded:
            return "tensorflow", "initial weights or noise"
        return None
    if name == "rvs" and path.startswith("scipy.stats."):
        return None if call.argument(-1, "random_state") is not None else ("numpy", "rvs")
    estimator = without_seed(call)
    if estimator is None:
        return None
    generator, detail = estimator
    known: dict[str, Generator] = {"sklearn": "sklearn", "new": "new", "idle": "idle"}
    return known.get(generator, "numpy"), detail


def _torch_draw(call: Call) -> tuple[Generator, str] | None:
    path, name = call.path, call.name
    given = call.argument(-1, "generator")
    if call.starred and given is None and name in {"DataLoader", *_DATA_TORCH}:
        return None
    if given is not None and not _is_none(given):
        return None
    if name in _TORCH and (path.count(".") == 1 or "functional" in path):
        return "torch", ""
    if path.startswith("torch.nn.init.") and name.endswith("_") and "constant" not in name:
        fixed = {"zeros_", "ones_", "eye_", "dirac_"}
        return None if name in fixed else ("torch", "initial weights")
    if path.startswith("torch.nn.") and name in _LAYERS:
        return "torch", "dropout" if "Dropout" in name else "initial weights"
    if name in _DATA_TORCH:
        return "torch", ""
    if name == "DataLoader":
        shuffle = call.argument(2, "shuffle")
        if isinstance(shuffle, ast.Constant) and shuffle.value is True:
            return "torch", "shuffle"
    return None


def _method_draw(call: Call) -> tuple[Generator, str] | None:
    name = call.name
    if call.receiver is None or call.receiver.marks & v.OWN:
        return None
    if name in _IN_PLACE:
        return None if call.argument(-1, "generator") is not None else ("torch", "")
    if name == "sample" and call.keywords.keys() & {"frac", "replace", "ignore_index"}:
        seed = call.argument(-1, "random_state", "seed")
        return ("numpy", "no random_state") if seed is None or _is_none(seed) else None
    if name == "rvs" and call.argument(-1, "random_state") is None:
        return "numpy", "no random_state"
    return None


def _data(call: Call, found: Found) -> None:
    """The clock's value becomes data."""
    computed = call.path.startswith(("math.", "numpy.")) and call.name in _COMPUTED
    if call.path not in DATA and call.path != "range" and not computed:
        return
    for value in call.args:
        marks = value.marks
        if marks & v.CLOCK and not marks & (v.SPAN | v.TEXT):
            source = value.at[1] if value.at else "clock"
            found.add("clock_values", call.node.lineno, source, f"into {call.written}")
