"""Readers and writers that open files in C, where no audit event is raised.

Under ``notabene run`` the preload shim sees these as well; here, in a process that was started
without it, the functions that are given paths are wrapped.
"""

from __future__ import annotations

import os
import sys

from notabene.capture.watch.core import is_there, quietly
from notabene.capture.watch.later import dress, put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, ModuleType
    from typing import Any

    from notabene.capture.watch.core import Watch

FunctionType = type(lambda: None)

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


def of_library(watch: Watch, module: ModuleType) -> None:
    """Wrap what a library has that opens files by itself."""
    for table, write in ((_READ, False), (_WRITE, True)):
        for path in table.get(module.__name__, "").split():
            owner, _, name = path.rpartition(".")
            holder = getattr(module, owner, None) if owner else module
            if holder is not None and hasattr(holder, name):
                quietly(_wrap, watch, holder, name, write)


def _wrap(watch: Watch, holder: Any, name: str, write: bool) -> None:
    real = getattr(holder, name)
    if isinstance(real, type):
        # The class itself stays what it is: others ask isinstance() of it.
        if not isinstance(real.__dict__.get("__init__"), FunctionType):
            return
        holder, name, real = real, "__init__", real.__dict__["__init__"]
    kept = holder.__dict__.get(name) if isinstance(holder, type) else None
    if isinstance(kept, classmethod):
        real = kept.__func__

    def wrapper(*args: Any, **options: Any) -> Any:
        if watch.on:
            quietly(_tell, watch, (*args, *options.values()), write, sys._getframe(1))
        return real(*args, **options)

    dress(wrapper, real)
    if isinstance(kept, (staticmethod, classmethod)):
        setattr(holder, name, type(kept)(wrapper))
    else:
        put(holder, name, wrapper)


def _tell(watch: Watch, values: tuple[Any, ...], write: bool, frame: FrameType) -> None:
    if any(isinstance(value, str) and value in _WRITING for value in values):
        write = True
    for path in _paths(values):
        if write:
            watch.files.opened_natively(path, frame)
        else:
            watch.files.ready(path, frame)


def _paths(values: tuple[Any, ...]) -> Iterator[str]:
    for value in values:
        many = value if isinstance(value, (list, tuple)) else (value,)
        for one in many[:10_000]:
            if isinstance(one, (str, bytes, os.PathLike)):
                text = os.fsdecode(one)
                if "?" in text and not is_there(text):
                    text = text.partition("?")[0]  # XGBoost: "train.txt?format=libsvm"
                if text and len(text) < 4096 and _looks_like_a_path(text):
                    yield text


def _looks_like_a_path(text: str) -> bool:
    """Options are texts as well; a path has a slash or a suffix, or is there."""
    if "\n" in text or "://" in text:
        return False
    return os.sep in text or "." in text or is_there(text)
