"""Calls and assignments that hang on the machine: language, time zone, precision, threads."""

from __future__ import annotations

import ast
from typing import Final

from notabene.proof.source.calls import Call
from notabene.proof.source.uses import Found

_LOCALE: Final = {
    "locale.setlocale", "locale.strxfrm", "locale.strcoll", "locale.atof", "locale.atoi",
    "locale.format_string", "locale.currency", "locale.str", "locale.getlocale",
    "locale.getdefaultlocale", "locale.localeconv", "locale.delocalize",
    "locale.getpreferredencoding", "calendar.month_name", "calendar.day_name",
}  # fmt: skip
_ZONE: Final = {
    "time.localtime", "time.mktime", "time.tzset", "time.ctime", "time.asctime",
    "datetime.datetime.today", "datetime.date.today", "datetime.date.fromtimestamp",
    "dateutil.tz.tzlocal", "tzlocal.get_localzone", "time.strftime",
}  # fmt: skip
_ZONE_WITHOUT_TZ: Final = {
    "datetime.datetime.now": 0, "datetime.datetime.fromtimestamp": 1, "pandas.Timestamp.now": 0,
}  # fmt: skip
"""Calls that take the local zone unless an argument, at this place, names one."""
_PRECISION: Final = {
    "torch.set_default_dtype", "torch.set_default_tensor_type",
    "torch.set_float32_matmul_precision",
    "torch.autocast", "torch.amp.autocast", "torch.cuda.amp.autocast", "torch.cpu.amp.autocast",
    "torch.amp.GradScaler", "torch.cuda.amp.GradScaler", "tensorflow.keras.backend.set_floatx",
    "keras.backend.set_floatx", "keras.config.set_floatx", "jax.experimental.enable_x64",
    "tensorflow.keras.mixed_precision.set_global_policy", "keras.mixed_precision.set_global_policy",
    "keras.mixed_precision.set_dtype_policy", "keras.config.set_dtype_policy",
    "tensorflow.keras.mixed_precision.Policy",
    "tensorflow.config.experimental.enable_tensor_float_32_execution",
    "torch.set_flush_denormal", "apex.amp.initialize", "jax.default_matmul_precision",
}  # fmt: skip
_THREADS: Final = {
    "os.cpu_count", "multiprocessing.cpu_count", "os.process_cpu_count", "psutil.cpu_count",
    "os.sched_getaffinity", "joblib.cpu_count", "joblib.effective_n_jobs",
    "torch.set_num_threads", "torch.set_num_interop_threads", "torch.get_num_threads",
    "tensorflow.config.threading.set_intra_op_parallelism_threads",
    "tensorflow.config.threading.set_inter_op_parallelism_threads",
    "threadpoolctl.threadpool_limits", "threadpoolctl.ThreadpoolController",
    "numba.set_num_threads", "numexpr.set_num_threads", "cv2.setNumThreads",
    "mkl.set_num_threads", "faiss.omp_set_num_threads", "polars.threadpool_size",
    "threading.Thread", "threading.Timer", "multiprocessing.dummy.Pool", "_thread.start_new_thread",
}  # fmt: skip
_THREAD_VARIABLES: Final = {
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS",
}  # fmt: skip
_ALL_CORES: Final = {"n_jobs", "nthread", "thread_count", "num_threads", "n_workers", "nthreads"}
_NAMES_IN_WORDS: Final = ("%a", "%A", "%b", "%B", "%c", "%x", "%X", "%p")
_HALF: Final = {"float16", "bfloat16", "half", "float64", "double"}


def look(call: Call, found: Found) -> None:
    """Note what a call has to do with the machine it runs on."""
    path = call.path
    if path in _LOCALE:
        found.add("locale_uses", *call.at)
    elif path in _ZONE:
        # ``strftime`` and ``localtime`` of a given time still go by the local zone.
        found.add("zone_uses", *call.at)
    elif path in _ZONE_WITHOUT_TZ:
        zone = call.argument(_ZONE_WITHOUT_TZ[path], "tz")
        if zone is None or (isinstance(zone, ast.Constant) and zone.value is None):
            found.add("zone_uses", *call.at)
    elif path in _PRECISION:
        found.add("precision_uses", *call.at, _first(call))
    elif path in _THREADS:
        found.add("thread_uses", *call.at)
    elif path == "jax.config.update":
        if any(word in _first(call) for word in ("x64", "matmul_precision", "default_dtype")):
            found.add("precision_uses", *call.at, _first(call))
    elif not path:
        _method(call, found)
    if path == "time.strftime" or call.name == "strftime" or call.name == "strptime":
        _in_words(call, found)
    _keywords(call, found)


def _method(call: Call, found: Found) -> None:
    name, node = call.name, call.node
    if name in {"half", "bfloat16"} and not node.args and call.receiver is not None:
        found.add("precision_uses", *call.at)
    elif name == "to" and any(_last(arg) in _HALF for arg in node.args):
        found.add("precision_uses", *call.at, "half precision")
    elif name == "astimezone" and not node.args and not node.keywords:
        found.add("zone_uses", *call.at)
    elif name == "timestamp" and not node.args:
        func = node.func
        inner = func.value if isinstance(func, ast.Attribute) else None
        made = isinstance(inner, ast.Call) and _last(inner.func) in {"strptime", "datetime"}
        if made and not any(
            k.arg == "tzinfo" for k in ast.walk(node) if isinstance(k, ast.keyword)
        ):
            found.add("zone_uses", *call.at)


def _in_words(call: Call, found: Found) -> None:
    """Names of months and days are those of the language."""
    for arg in call.node.args:
        text = arg.value if isinstance(arg, ast.Constant) else None
        if isinstance(text, str) and any(word in text for word in _NAMES_IN_WORDS):
            found.add("locale_uses", *call.at, text)


def _keywords(call: Call, found: Found) -> None:
    for keyword in call.node.keywords:
        name, node = keyword.arg, keyword.value
        if name in _ALL_CORES and _is_minus_one(node):
            found.add("thread_uses", *call.at, f"{name}=-1")
        elif name in {"fp16", "bf16", "tf32"} and isinstance(node, ast.Constant) and node.value:
            found.add("precision_uses", *call.at, name)
        elif name == "precision" and call.name in {"Trainer", "Fabric"}:
            if isinstance(node, ast.Constant):
                found.add("precision_uses", *call.at, f"precision={node.value!r}")
        elif name == "mixed_precision" and isinstance(node, ast.Constant) and node.value:
            found.add("precision_uses", *call.at, f"mixed_precision={node.value!r}")
        elif name == "return_as" and getattr(node, "value", "") == "generator_unordered":
            found.add("thread_uses", *call.at, "generator_unordered")


def assigned(target: ast.expr, name: str, found: Found) -> None:
    """Note an assignment that sets a switch.

    Args:
        target: What is assigned to.
        name: As it stands in the source.
        found: Filled.
    """
    if isinstance(target, ast.Attribute):
        if target.attr in {"allow_tf32", "fp32_precision", "jax_enable_x64"} or (
            "allow_fp16" in target.attr or "allow_bf16" in target.attr
        ):
            found.add("precision_uses", target.lineno, name)
    elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        key = target.slice.value
        if key in _THREAD_VARIABLES:
            found.add("thread_uses", target.lineno, f"os.environ[{key!r}]")
        elif key == "TZ" and name.startswith(("os.environ", "environ")):
            found.add("zone_uses", target.lineno, "os.environ['TZ']")
        elif key in {"LC_ALL", "LANG", "LC_NUMERIC", "LC_COLLATE", "LC_TIME"}:
            if name.startswith(("os.environ", "environ")):
                found.add("locale_uses", target.lineno, f"os.environ[{key!r}]")
        elif key in {"JAX_ENABLE_X64", "NVIDIA_TF32_OVERRIDE", "TF_ENABLE_TF32"}:
            found.add("precision_uses", target.lineno, f"os.environ[{key!r}]")


def _first(call: Call) -> str:
    args = call.node.args
    first = args[0] if args else None
    if isinstance(first, ast.Constant):
        return str(first.value)
    return _last(first) if isinstance(first, ast.Attribute) else ""


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_minus_one(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and node.operand.value == 1
    )
