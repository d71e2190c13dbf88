"""Readers and writers that open files in C, where no audit event is raised.

Under ``notabene run`` the preload shim sees these as well; here, in a process that was started
without it, the functions that are given paths are wrapped.
"""

from __future__ import annotations

import os
import sys

from .core import quietly
from .later import rebind, when_imported

_READ = {
    "pandas": "read_parquet read_hdf read_orc read_feather",
    "pyarrow": "memory_map OSFile input_stream",
    "pyarrow.parquet": "read_table read_pandas read_schema read_metadata ParquetFile "
    "ParquetDataset",
    "pyarrow.csv": "read_csv open_csv",
    "pyarrow.json": "read_json open_json",
    "pyarrow.feather": "read_table read_feather",
    "pyarrow.orc": "read_table ORCFile",
    "pyarrow.dataset": "dataset parquet_dataset",
    "polars": "read_csv scan_csv read_csv_batched read_parquet scan_parquet read_ipc scan_ipc "
    "read_ndjson scan_ndjson read_json read_avro read_excel read_delta scan_delta "
    "read_parquet_schema read_ipc_stream",
    "h5py": "File",
    "netCDF4": "Dataset",
    "tables": "open_file",
    "datasets": "load_from_disk",
    "safetensors": "safe_open",
    "safetensors.torch": "load_file load_model",
    "safetensors.numpy": "load_file",
    "safetensors.flax": "load_file",
    "torch": "from_file load",
    "torch.jit": "load",
    "torchvision.io": "read_image read_file read_video decode_image",
    "torchaudio": "load info",
    "xgboost": "DMatrix QuantileDMatrix Booster Booster.load_model",
    "lightgbm": "Dataset Booster",
    "catboost": "Pool CatBoost.load_model",
    "duckdb": "read_parquet read_csv read_json connect",
    "cv2": "imread VideoCapture",
    "soundfile": "read SoundFile info blocks",
    "av": "open",
    "lmdb": "open Environment",
    "faiss": "read_index",
    "fasttext": "load_model train_supervised train_unsupervised",
    "tokenizers": "Tokenizer.from_file",
    "onnxruntime": "InferenceSession",
    "rasterio": "open",
}
_WRITE = {
    "pandas": "DataFrame.to_parquet DataFrame.to_feather DataFrame.to_hdf DataFrame.to_orc",
    "pyarrow.parquet": "write_table ParquetWriter write_to_dataset",
    "pyarrow.feather": "write_feather",
    "pyarrow.csv": "write_csv",
    "polars": "DataFrame.write_csv DataFrame.write_parquet DataFrame.write_ipc "
    "DataFrame.write_ndjson DataFrame.write_avro LazyFrame.sink_parquet LazyFrame.sink_csv",
    "safetensors.torch": "save_file save_model",
    "safetensors.numpy": "save_file",
    "torch": "save",
    "torch.jit": "save",
    "xgboost": "Booster.save_model XGBModel.save_model",
    "lightgbm": "Booster.save_model Dataset.save_binary",
    "catboost": "CatBoost.save_model",
    "cv2": "imwrite VideoWriter",
    "soundfile": "write",
    "faiss": "write_index",
}
_WRITING = ("w", "w-", "x", "a", "r+", "wb", "w+")


def install(watch):
    """Wrap what is imported, now or later."""
    for table, write in ((_READ, False), (_WRITE, True)):
        for name, words in table.items():
            when_imported(name, lambda module, w=words, out=write: _wrap_all(watch, module, w, out))


def _wrap_all(watch, module, words, write):
    for path in words.split():
        owner, _, name = path.rpartition(".")
        holder = getattr(module, owner, None) if owner else module
        if holder is not None and hasattr(holder, name):
            quietly(_wrap, watch, holder, name, write)


def _wrap(watch, holder, name, write):
    real = getattr(holder, name)
    if isinstance(real, type):
        # The class itself stays what it is: others ask isinstance() of it.
        if not isinstance(real.__dict__.get("__init__"), type(lambda: None)):
            return
        holder, name, real = real, "__init__", real.__init__
    static = isinstance(holder, type) and isinstance(holder.__dict__.get(name), staticmethod)

    def wrapper(*args, **options):
        if watch.on:
            quietly(_tell, watch, (*args, *options.values()), write, sys._getframe(1))
        return real(*args, **options)

    wrapper.__name__ = getattr(real, "__name__", name)
    wrapper.__qualname__ = getattr(real, "__qualname__", name)
    wrapper.__module__ = getattr(real, "__module__", None)
    wrapper.__doc__ = getattr(real, "__doc__", None)
    wrapper.__wrapped__ = real
    setattr(holder, name, staticmethod(wrapper) if static else wrapper)
    rebind(real, wrapper)


def _tell(watch, values, write, frame):
    if any(isinstance(value, str) and value in _WRITING for value in values):
        write = True
    for path in _paths(values):
        if write:
            watch.files.opened_natively(path, frame)
        else:
            watch.files.ready(path, frame)


def _paths(values):
    for value in values:
        many = value if isinstance(value, (list, tuple)) else (value,)
        for one in many[:10_000]:
            if isinstance(one, (str, bytes, os.PathLike)):
                text = os.fspath(one)
                if text and len(text) < 4096 and _looks_like_a_path(text):
                    yield text


def _looks_like_a_path(text):
    """Options are texts as well; a path has a slash or a suffix, or is there."""
    text = os.fsdecode(text)
    if "\n" in text or "://" in text:
        return False
    return os.sep in text or "." in text or os.path.lexists(text)
