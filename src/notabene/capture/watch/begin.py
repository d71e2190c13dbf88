"""Where the watch begins, and what waits for a library to be imported.

Most of it is loaded together with the library it is for: a program that parses no options pays
for nothing that looks at options.
"""

from __future__ import annotations

import os

from notabene.capture.watch.core import current, make, quietly
from notabene.capture.watch.later import hold, settle, when_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from notabene.capture.watch.core import Watch

_LATER = (
    ("random", "generators", "of_random"),
    ("numpy.random", "generators", "of_numpy"),
    ("torch", "generators", "of_torch"),
    ("polars", "generators", "of_polars"),
    ("tensorflow", "generators", "of_tensorflow"),
    ("jax.random", "generators", "of_jax"),
    ("argparse", "options", "of_argparse"),
    ("optparse", "options", "of_optparse"),
    ("click.core", "options", "of_click"),
    ("hydra.core.utils", "options", "of_hydra"),
    ("absl.flags", "options", "of_absl"),
    ("omegaconf.omegaconf", "options", "of_omegaconf"),
    ("http.client", "network", "of_http"),
    ("httpx", "network", "of_httpx"),
    ("aiohttp", "network", "of_aiohttp"),
    ("getpass", "typed", "of_getpass"),
)
NATIVE = (
    "pandas pyarrow pyarrow.parquet pyarrow.csv pyarrow.json pyarrow.feather pyarrow.orc "
    "pyarrow.dataset polars h5py netCDF4 tables datasets safetensors safetensors.torch "
    "safetensors.numpy safetensors.flax torch torch.jit torchvision.io torchaudio xgboost "
    "lightgbm catboost duckdb cv2 soundfile av lmdb faiss fasttext tokenizers onnxruntime rasterio"
)
"""Libraries with functions that :mod:`.readers` wraps."""


def start(how: str = "main", key: str = "") -> Watch:
    """Begin to watch this process; a second call changes nothing.

    Args:
        how: ``main`` where ``import notabene`` began it, ``boot`` where the interpreter was
            started under ``notabene run``, ``spawn`` for a worker of a watched process.
        key: Which process this is; empty for the program itself.

    Returns:
        The watch.
    """
    watch = current()
    if watch is not None:
        return watch
    watch = make(how)
    watch.key = "s" if how == "spawn" else key
    if os.environ.get("NOTABENE_REPLAY"):
        from notabene.capture.watch.replay import load

        watch.replay = quietly(load)
    watch.introduce()
    from notabene.capture.watch.chance import install as chance
    from notabene.capture.watch.files import install as files
    from notabene.capture.watch.os_calls import install as os_calls
    from notabene.capture.watch.outside import install as outside
    from notabene.capture.watch.processes import install as processes
    from notabene.capture.watch.surroundings import install as surroundings
    from notabene.capture.watch.typed import install as typed
    from notabene.capture.watch.variables import install as variables

    hold()
    watch.on = True
    for install in (processes, files, os_calls, outside, variables, surroundings, chance, typed):
        quietly(install, watch)
    for name, part, function in _LATER:
        _wait(watch, name, part, function)
    for name in NATIVE.split():
        _wait(watch, name, "readers", "of_library")
    settle()
    return watch


def _wait(watch: Watch, name: str, part: str, function: str) -> None:
    def call(module: ModuleType) -> None:
        # Not `from . import options`: that imports the topmost package as well, which is not
        # wanted where only this one was loaded (see boot/sitecustomize.py).
        found: Any = __import__(part, globals(), None, (function,), 1)
        getattr(found, function)(watch, module)

    when_imported(name, call)
