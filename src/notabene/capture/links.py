"""Identities that data systems give to files: a version that can be asked for again."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from notabene.capture.watch.core import is_there

_MOST = 1 << 16
_DVC = re.compile(r"(?m)^\s*-?\s*(?:md5|etag|checksum):\s*(\S+)")
_ANNEX = re.compile(r"\.git/annex/objects/.*?([A-Z0-9]+-s\d+--[0-9a-fA-F]+[\w.]*)")
_LFS = re.compile(rb"\Aversion https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})")
_HUB = re.compile(r"/(models|datasets|spaces)--([^/]+)/snapshots/([0-9a-f]{7,64})/(.*)")


def link_of(path: str, memo: dict[str, dict[str, str]]) -> dict[str, str]:
    """What a data system calls the file, or an empty mapping.

    Args:
        path: Absolute path.
        memo: What was found for folders before; filled.
    """
    if (hub := _HUB.search(path)) is not None:
        kind, name, revision, inside = hub.groups()
        repo = name.replace("--", "/")
        return {"kind": "huggingface", "id": f"{kind}/{repo}@{revision}", "path": inside}
    with contextlib.suppress(OSError):
        if os.path.islink(path) and (annex := _ANNEX.search(os.readlink(path))):
            return {"kind": "git-annex", "id": annex[1]}
    if found := _dvc(path + ".dvc"):
        return {"kind": "dvc", "id": found}
    return _of_folder(os.path.dirname(path), memo)


def _of_folder(folder: str, memo: dict[str, dict[str, str]]) -> dict[str, str]:
    """A table or a tracked folder that a file belongs to, looked for upwards."""
    if folder in memo:
        return memo[folder]
    found: dict[str, str] = {}
    parent = os.path.dirname(folder)
    with contextlib.suppress(OSError):
        if version := _delta(folder):
            found = {"kind": "delta", "id": version, "path": folder}
        elif version := _iceberg(folder):
            found = {"kind": "iceberg", "id": version, "path": folder}
        elif version := _dvc(folder + ".dvc"):
            found = {"kind": "dvc", "id": version, "path": folder}
        elif parent != folder and not os.path.exists(os.path.join(folder, ".git")):
            found = _of_folder(parent, memo)
    memo[folder] = found
    return found


def _dvc(path: str) -> str:
    """The hash that a ``.dvc`` file names."""
    if not is_there(path):
        return ""
    with contextlib.suppress(OSError):
        match = _DVC.search(Path(path).read_text("utf-8", "replace")[:_MOST])
        return match[1] if match else ""
    return ""


def _delta(folder: str) -> str:
    """Newest version in a Delta table's log, ``_delta_log/00000000000000000012.json``."""
    log = os.path.join(folder, "_delta_log")
    if not os.path.isdir(log):
        return ""
    versions = [int(name[:20]) for name in os.listdir(log) if re.match(r"\d{20}\.json\Z", name)]
    return str(max(versions)) if versions else ""


def _iceberg(folder: str) -> str:
    """Newest metadata file of an Iceberg table."""
    metadata = os.path.join(folder, "metadata")
    if not os.path.isdir(metadata):
        return ""
    files = [name for name in os.listdir(metadata) if name.endswith(".metadata.json")]
    return max(files) if files else ""


def lfs_pointer(content: bytes) -> str:
    """The SHA-256 that a git-lfs pointer stands for; empty if it is none."""
    match = _LFS.match(content)
    return match[1].decode() if match else ""
