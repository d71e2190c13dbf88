"""Functions of ``os`` that raise no audit event, or one that does not tell enough.

Looking for a file that is not there raises none, so ``os.stat`` and its likes are wrapped, for
misses alone.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

from notabene.capture.watch.core import quietly
from notabene.capture.watch.files import Files, of_descriptor
from notabene.capture.watch.later import Seen, rebind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from notabene.capture.watch.core import Watch


def install(watch: Watch) -> None:
    """Wrap them; what they see goes where that of the audit hook goes."""
    observer = watch.files
    if isinstance(observer, Files):
        for wrap in (_wrap_stat, _wrap_access, _wrap_open, _wrap_moves):
            quietly(wrap, observer)


def _wrap_stat(observer: Files) -> None:
    _put("stat", _stat(observer, os.stat))
    real, watch = os.lstat, observer.watch

    def lstat(path: Any, *, dir_fd: int | None = None) -> os.stat_result:
        try:
            return real(path, dir_fd=dir_fd)
        except (FileNotFoundError, NotADirectoryError):
            if watch.on:
                quietly(observer.missed, path, sys._getframe(1), dir_fd)
            raise

    _put("lstat", lstat)


def _stat(observer: Files, real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
    watch = observer.watch

    def stat(
        path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True
    ) -> os.stat_result:
        try:
            return real(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        except (FileNotFoundError, NotADirectoryError):
            if watch.on:
                quietly(observer.missed, path, sys._getframe(1), dir_fd)
            raise

    return stat


def _wrap_access(observer: Files) -> None:
    real, watch = os.access, observer.watch

    def access(path: Any, mode: int, **options: Any) -> bool:
        there = real(path, mode, **options)
        if not there and watch.on:
            quietly(observer.missed, path, sys._getframe(1), options.get("dir_fd"))
        return there

    _put("access", access)


def _wrap_open(observer: Files) -> None:
    """The audit event of ``os.open`` does not tell to which folder a path is relative."""
    real, within = os.open, observer.within

    def open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is None:
            return real(path, flags, mode)
        thread = get_ident()
        within[thread] = of_descriptor(dir_fd)
        try:
            return real(path, flags, mode, dir_fd=dir_fd)
        finally:
            within.pop(thread, None)

    _put("open", open)


def _wrap_moves(observer: Files) -> None:
    for name in ("chdir", "fchdir"):
        if hasattr(os, name):
            _put(name, _move(observer, getattr(os, name)))


def _move(observer: Files, real: Callable[[Any], None]) -> Callable[[Any], None]:
    def chdir(path: Any) -> None:
        real(path)
        if observer.watch.on:
            quietly(observer.moved)

    return chdir


def _put(name: str, call: Callable[..., Any]) -> None:
    """Put a wrapper in the place of a function of ``os``."""
    real = getattr(os, name)
    wrapper = Seen(call, real, "os")
    # What os says of the function itself must stay true of ours.
    for known in ("supports_dir_fd", "supports_effective_ids", "supports_fd"):
        _join(known, real, wrapper)
    _join("supports_follow_symlinks", real, wrapper)
    setattr(os, name, wrapper)
    rebind(real, wrapper)


def _join(known: str, real: object, wrapper: object) -> None:
    members = getattr(os, known, None)
    if members is not None and real in members:
        members.add(wrapper)
