"""Calls whose meaning is known: what they give, what they read, what order does to them."""

from __future__ import annotations

from notabene.proof.source import values as v


def _paths(prefix: str, words: str) -> frozenset[str]:
    return frozenset(f"{prefix}{word}" for word in words.split())


CLOCKS = (
    _paths("time.", "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns")
    | _paths("time.", "process_time process_time_ns thread_time thread_time_ns gmtime localtime")
    | _paths("time.", "ctime asctime strftime clock_gettime clock")
    | _paths("datetime.datetime.", "now today utcnow")
    | {"datetime.date.today", "timeit.default_timer", "pandas.Timestamp.now"}
    | {"pandas.Timestamp.today", "pandas.Timestamp.utcnow", "tensorflow.timestamp"}
    | _paths("arrow.", "now utcnow")
    | {"pendulum.now"}
)
CLOCK_OF = {
    "time.gmtime": 0, "time.localtime": 0, "time.ctime": 0, "time.asctime": 0, "time.strftime": 1,
}  # fmt: skip
"""Calls that read the clock only if they are given no time; how many other arguments they have."""
THREAD_POOLS = {
    "concurrent.futures.ThreadPoolExecutor", "multiprocessing.pool.ThreadPool",
    "multiprocessing.dummy.Pool", "concurrent.futures.thread.ThreadPoolExecutor",
}  # fmt: skip
ENTROPY = (
    {"os.urandom", "os.getrandom", "random.SystemRandom", "random._urandom"}
    | _paths("secrets.", "randbits randbelow choice token_bytes token_hex token_urlsafe")
    | {"secrets.SystemRandom", "Crypto.Random.get_random_bytes"}
)
PROCESS = (
    {"os.getpid", "os.getppid", "threading.get_ident", "threading.get_native_id", "id"}
    | {"_thread.get_ident", "multiprocessing.current_process", "threading.current_thread"}
    | {"socket.gethostname", "platform.node"}
)
UUIDS = {"uuid.uuid1", "uuid.uuid4"}
VARIABLES = {"os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault"}

LISTINGS = {"os.listdir", "os.scandir", "glob.glob", "glob.iglob", "os.walk", "os.fwalk"}
WALKS = {"os.walk", "os.fwalk"}
ARRIVALS = {"concurrent.futures.as_completed", "asyncio.as_completed"}
"""Results in the order in which they are ready."""
ARRIVAL_METHODS = {"imap_unordered"}
LISTING_METHODS = {"iterdir", "rglob", "glob", "scandir", "walk"}
"""Of ``pathlib.Path``; ``glob`` and ``walk`` only on what is known to be a path."""

CLEARING = (
    {"sorted", "len", "set", "frozenset", "any", "all", "max", "min", "sum", "bool", "type"}
    | {"isinstance", "repr", "hasattr", "getattr", "setattr", "callable", "issubclass"}
    | {"math.fsum", "natsort.natsorted", "heapq.nsmallest", "heapq.nlargest", "os.path.exists"}
    | _paths("numpy.", "sort unique union1d intersect1d setdiff1d isin in1d")
    | {"natsort.os_sorted", "copy.deepcopy", "collections.Counter.most_common"}
)
"""Calls that do not care in which order they are given things."""
MIXING = {"sum", "max", "min", "any", "all", "math.fsum", "sorted", "set", "frozenset"}
"""Of these, those whose result tells of the things themselves."""
PASSING = (
    {"list", "tuple", "iter", "enumerate", "zip", "map", "filter", "reversed", "tqdm.tqdm"}
    | _paths("itertools.", "chain islice chain.from_iterable takewhile dropwhile starmap tee cycle")
    | {"tqdm.auto.tqdm", "tqdm.notebook.tqdm", "rich.progress.track", "copy.copy", "tqdm.trange"}
    | {"collections.deque", "itertools.filterfalse", "itertools.compress"}
)
"""Calls that give what they are given, in the same order."""
TAKING = (
    _paths("numpy.", "array asarray fromiter concatenate stack hstack vstack random.choice")
    | _paths("random.", "choice choices sample shuffle")
    | _paths("pandas.", "Series DataFrame Index concat Categorical")
    | _paths("torch.", "tensor as_tensor stack cat Tensor")
    | _paths("polars.", "Series DataFrame")
    | {"tensorflow.constant", "itertools.permutations", "itertools.combinations"}
    | {"itertools.product", "functools.reduce", "itertools.groupby", "itertools.accumulate"}
)
"""Calls whose result hangs on the order of a set they are given."""
MAPPING = {"dict", "collections.OrderedDict", "collections.Counter", "dict.fromkeys"}

QUIET = (
    {"print", "warnings.warn", "sys.stdout.write", "sys.stderr.write", "pprint.pprint"}
    | _paths("logging.", "debug info warning warn error critical exception log")
    | {"tqdm.tqdm.write", "click.echo", "rich.print", "typer.echo", "sys.exit"}
    | {"time.sleep", "asyncio.sleep"}
)
"""Calls that only tell something, or let time pass."""
QUIET_METHODS = {
    "debug", "info", "warning", "warn", "critical", "exception", "print", "set_description",
    "set_postfix", "set_postfix_str", "error",
}  # fmt: skip
TELLERS = {"log", "logger", "logging", "console", "LOG", "LOGGER", "_logger", "_log", "pbar", "bar"}

SET_RESULTS = {"union", "intersection", "difference", "symmetric_difference", "copy"}
SET_SILENT = {
    "add", "discard", "remove", "update", "issubset", "issuperset", "isdisjoint", "clear",
    "intersection_update", "difference_update", "symmetric_difference_update",
} | SET_RESULTS  # fmt: skip
LIST_SILENT = {
    "append", "clear", "remove", "count", "sort", "close", "set_description", "set_postfix",
    "reverse", "get", "update", "setdefault", "exists", "mkdir", "strip", "isin", "drop",
}  # fmt: skip

NUMERIC = {"len", "int", "round", "ord", "sum", "float", "abs", "pow", "os.path.getsize"}
NUMERIC_DATA = (
    _paths("numpy.", "zeros ones empty arange linspace eye argmax argsort argmin bincount digitize")
    | _paths("numpy.random.", "rand randn randint random normal uniform integers standard_normal")
    | _paths("sklearn.datasets.", "load_iris load_digits load_wine load_breast_cancer make_blobs")
    | _paths("sklearn.datasets.", "load_diabetes make_classification make_regression make_moons")
    | _paths("torch.", "zeros ones arange rand randn randint randperm linspace")
)
"""Calls that give numbers, and nothing whose hash differs from process to process."""
NUMERIC_METHODS = {
    "integers", "random", "normal", "uniform", "standard_normal", "randint", "argmax", "argsort",
    "argmin", "randrange", "poisson", "binomial", "exponential",
}  # fmt: skip
NUMBER_SOURCES = {"range": v.NUMBERS, "numpy.arange": v.NUMBERS}
THROUGH = {"int", "float", "str", "round", "abs", "hex", "repr", "bytes", "format", "pow", "divmod"}
"""Calls that give one value made of the values they are given."""
DATA = (
    _paths("numpy.", "array asarray full full_like float32 float64 int32 int64")
    | _paths("torch.", "tensor as_tensor full Tensor")
    | {"tensorflow.constant", "pandas.Series"}
)
"""Calls that make data of numbers."""

COMMANDS = {"typer.run", "fire.Fire", "defopt.run", "tyro.cli", "plac.call"}
"""Calls that make options of the arguments of a function."""
EXITS = {"sys.exit", "exit", "quit", "os._exit", "os.abort"}
SET_TYPES = {
    "set", "frozenset", "Set", "FrozenSet", "AbstractSet", "MutableSet",
}  # fmt: skip
NUMBER_TYPES = {"int", "float", "bool", "complex"}
FILE_WORK = {
    "remove", "unlink", "rmdir", "removedirs", "mkdir", "makedirs", "rmtree", "copy", "copy2",
    "copyfile", "copytree", "move", "rename", "replace", "touch", "chmod", "symlink", "link",
    "symlink_to", "hardlink_to", "close", "kill", "terminate", "join", "cancel", "wait", "utime",
}  # fmt: skip
"""Last words of calls that do something to each file, or put things away."""
